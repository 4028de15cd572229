"""Reading from the last Sunday on ends in the tables that all arrivals end in."""

import json
from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from include.audience.erasure import erase_contact, erase_lake, erase_warehouse
from include.config import load_config
from include.contracts import Table, lake_tables
from include.contracts.core import USERS
from include.contracts.known import KNOWN
from include.days import Days
from include.lake.known import thin_known
from include.lake.publish import publish
from include.lake.tables import Lake, Pin
from include.quality.runner import Audit
from include.settings import Settings
from spark_jobs import dimensions, events
from spark_jobs.job import run_job
from spark_jobs.workspace import Workspace
from tests.integration.landing_files import basics, complete, csv_of, event, land
from tests.integration.nights import checksums, night, steps
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


def test_a_night_before_all_sundays_that_were_kept_reads_all_arrivals(
    listings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sundays = [SUNDAY + timedelta(weeks=number) for number in range(3)]
    build(capsys, "nights", *DAYS)
    complete(listings, Days(sundays[1], sundays[2]))
    for sunday in sundays[1:]:
        dimensions_of(sunday, f"{sunday}")
        publish("lake_days", f"{sunday}")
    lake, first = Lake(listings), checksums(listings)
    assert {name: thin_known(lake, 7)[name] for name in ("core.known_listings",)} == {
        "core.known_listings": [SUNDAY]
    }
    read = build(capsys, "backfill", DAYS.last)
    assert not {"core.known_listings", "core.known_users"} & set(read["events"])
    assert read["events"]["core.listings"] == 9
    assert checksums(listings) == first


def dimensions_of(day: date, run: str) -> None:
    arguments = ["--from-day", f"{day}", "--to-day", f"{day}", "--run", run]
    run_job("lake_days", [dimensions.build], arguments)


def test_a_sunday_that_is_built_while_a_user_is_being_erased(
    place: Settings, spark: SparkSession
) -> None:
    """It begins once the user is on the list, and is published once the lake was rewritten."""
    saturday = Days(SUNDAY - timedelta(days=1), SUNDAY - timedelta(days=1))
    basics(place, Days(saturday.first, SUNDAY))
    rows = csv_of(*[event(f"e{n}", saturday.first, user_id=n) for n in (1, 2, 3)])
    land(place, "events", saturday.first, "e.csv", rows)
    night(saturday, "saturday")
    contacts = erase_contact(2, "#123")
    sunday = steps(Days(SUNDAY, SUNDAY), "sunday")
    sunday["build"]()
    erase_warehouse(2, contacts, erase_lake(2))
    sunday["publish"]()
    held = {
        name: {row["user_id"] for row in Lake(place).arrow(contract).to_pylist()}
        for name, contract in lake_tables(load_config(place).events.names).items()
        if name in ("core.users", "core.known_users", "features.user_category", "features.user")
    }
    assert set(map(frozenset, held.values())) == {frozenset({1, 3})}, held
    checksums(place)


def test_arrivals_that_are_replaced_between_two_looks(
    place: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = SUNDAY + timedelta(days=1)
    basics(place, Days(SUNDAY, monday))
    for day in (SUNDAY, monday):
        dimensions_of(day, f"{day}")
        publish("lake_days", f"{day}")
    land(place, "events", monday, "e.csv", csv_of(event("a", monday, user_id=50)))
    land(place, "users", SUNDAY, "u.csv", "user_id,registered_at\n50,2026-01-01\n")
    dimensions_of(SUNDAY, "corrected")
    pin, seen = Lake.pin, []

    def replaced_after(lake: Lake, contract: Table) -> Pin:
        found = pin(lake, contract)
        if contract == USERS and not seen:
            seen.append(contract)
            publish("lake_days", "corrected")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "pin", replaced_after)
        work = Workspace(spark, place, load_config(place), Days(monday, monday), "looks",
                         Audit(place.data_docs_path / "looks"))  # fmt: skip
    for name, known in KNOWN.items():
        assert work.pins[known.name] == work.lake.pin(known)
        assert work.pins[name] == work.lake.pin(work.contract(name)), "of before, beside its Sunday"
