"""Reading from the last Sunday on ends in the tables that all arrivals end in."""

import json
from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from include.contracts import lake_tables
from include.days import Days
from include.lake.tables import Lake
from include.settings import Settings
from spark_jobs import dimensions, events
from tests.integration.landing_files import basics, csv_of, event, land
from tests.integration.nights import checksums
from tests.integration.test_pipeline import go

BUILDS = [dimensions.build, events.build]
SUNDAY = date(2026, 3, 8)
DAYS = Days(SUNDAY - timedelta(days=1), SUNDAY + timedelta(days=2))


@pytest.fixture
def listings(place: Settings, spark: SparkSession) -> Settings:
    """Listings whose category changes, goes and comes back, before, on and after the Sunday."""
    basics(place, Days(DAYS.first, SUNDAY + timedelta(days=7)))
    said = {
        -1: "10,cars\n20,boats\n30,cars", 0: "20,\n40,vans", 1: "10,vans\n30,",
        2: "20,cars\n50,cars",
    }  # fmt: skip
    for offset, lines in said.items():
        day = SUNDAY + timedelta(days=offset)
        rows = "\n".join(f"{line},t,1" for line in lines.split("\n"))
        land(place, "listings", day, "l.csv", f"listing_id,category,title,price\n{rows}\n")
        ids = [10, 20, 30, 40, 50, 60]
        rows = csv_of(*[event(f"{day} {n}", day, listing_id=n, user_id=n % 7) for n in ids])
        land(place, "events", day, "e.csv", rows)
    return place


def build(capsys: pytest.CaptureFixture[str], run: str, *days: date) -> dict[str, dict[str, int]]:
    """Nights, one a day; returns what each stage of the last one read."""
    for day in days:
        capsys.readouterr()
        go("lake_days", BUILDS, Days(day, day), f"{run} {day}")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"stage"')]
    return {line["stage"]: line["input"] for line in map(json.loads, lines)}


def test_read_from_the_last_sunday_on(
    listings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    read = build(capsys, "first", *DAYS)
    assert read["dimensions"] == {"landing/users": 0, "landing/listings": 2}
    assert read["events"]["core.known_listings"] == 4
    assert read["events"]["core.listings"] == 4, "of Monday and Tuesday"
    assert read["events"]["core.known_users"] == 3
    first = checksums(listings)

    land(listings, "listings", DAYS.first, "l.csv", "listing_id,category,title,price\n"
         "10,cars,t,1\n20,boats,t,1\n30,boats,t,1\n")  # corrected  # fmt: skip
    read = build(capsys, "corrected", DAYS.first, SUNDAY + timedelta(days=1))
    assert "core.known_listings" not in read["events"], "the Sunday was made of others"
    assert read["events"]["core.listings"] == 7
    build(capsys, "again", *list(DAYS)[1:])
    healed = checksums(listings)
    assert healed["core.events"] != first["core.events"]
    read = build(capsys, "and again", DAYS.last)
    assert read["events"]["core.known_listings"] == 4
    assert checksums(listings) == healed

    # All days in one pass read all arrivals: no Sunday lies before the first of them.
    go("lake_days", BUILDS, DAYS, "range")
    assert checksums(listings) == healed

    # A range that replaces arrivals of a Sunday, and brings what was known by the next one.
    land(listings, "listings", SUNDAY, "l.csv", "listing_id,category,title,price\n40,late,t,1\n")
    go("lake_days", BUILDS, Days(SUNDAY, SUNDAY + timedelta(days=7)), "corrected Sunday")
    rows = Lake(listings).arrow(lake_tables(())["core.events"], Days(SUNDAY, SUNDAY)).to_pylist()
    assert {row["category"] for row in rows if row["listing_id"] == 40} == {"late"}
    checksums(listings)
