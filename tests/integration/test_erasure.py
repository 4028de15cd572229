"""Erasing a user, end to end: reports, books, and jobs that never bring them back."""

import json

import pytest
from pyspark.sql import SparkSession
from sqlalchemy import text

from include.audience.contacts import load_contacts
from include.audience.erasure import erase_contact, erase_lake, erase_warehouse
from include.database.engine import engine
from include.days import Days
from include.errors import LakeError
from include.lake.gate import gate
from include.lake.publish import publish
from include.settings import Settings
from spark_jobs import lake_days
from spark_jobs.job import run_job
from tests.integration.landing_files import basics, csv_of, day, event, land
from tests.integration.test_pipeline import checksums, query

DAYS = Days(day(0), day(1))
USER = 2


def build(run: str) -> None:
    run_job("lake_days", lake_days.BUILDS, ["--from-day", f"{DAYS.first}", "--to-day",
                                           f"{DAYS.last}", "--run", run])  # fmt: skip
    gate("lake_days", run)


def accounting(place: Settings, column: str) -> dict[str, int]:
    return dict(query(place, f"select table_name, sum({column})::int from "
                      "analytics.ingest_accounting group by 1"))  # fmt: skip


@pytest.fixture
def market(place: Settings, spark: SparkSession) -> Settings:
    basics(place, DAYS)
    good = [event(f"e{n}", day(0), user_id=n % 3 + 1) for n in range(9)]
    land(place, "events", day(0), "e.csv", csv_of(*good))
    later = [event("f1", day(1), user_id=USER), event("f2", day(1), user_id=1),
             event("f3", day(1), user_id=USER, event_type="psst")]  # fmt: skip
    broken = '{"event_id": "f4", "user_id": 2, "occ'
    lines = "\n".join([*(json.dumps(row) for row in later), broken])
    land(place, "events", day(1), "e.jsonl", lines)
    contact = {"user_id": USER, "registered_at": "2026-01-01", "email": "two@example.org"}
    land(place, "users", day(1), "u.jsonl", json.dumps(contact))
    load_contacts(f"{DAYS.first}", f"{DAYS.last}")
    build("first")
    publish("lake_days", "first")
    return place


def test_erased_everywhere_and_never_back(market: Settings) -> None:
    assert accounting(market, "accepted")["events"] == 11
    build("in flight")  # built before, to be published after
    contacts = erase_contact(USER, "#123")
    report = erase_lake(USER)
    whole = erase_warehouse(USER, contacts, report)
    assert whole["pii.contacts"] == 1
    removed = {name: found["rows"] for name, found in report.items() if found["rows"]}
    assert removed == {
        "core.events": 4, "core.rejected_events": 2, "core.users": 2, "core.known_users": 1,
        "features.user_category_daily": 2, "features.user_category": 2, "features.user": 2,
        "features.known_visits": 1, "features.user_visits": 2,
    }  # fmt: skip
    # Contacts keep what their load saw, until the next one; only notes of refused rows move.
    assert accounting(market, "accepted") == {"events": 7, "listings": 2, "users": 2, "contacts": 4}
    assert accounting(market, "rejected") == {"events": 0, "listings": 0, "users": 0, "contacts": 0}
    assert accounting(market, "erased") == {"events": 6, "listings": 0, "users": 2, "contacts": 0}
    assert query(market, "select count(*) from pii.contacts where user_id = 2") == [(0,)]

    with pytest.raises(LakeError, match="was built before a user was erased and was not published"):
        publish("lake_days", "in flight")

    before = {name: found for name, found in checksums(market).items()
              if name.startswith(("core", "features.user_category_daily"))}  # fmt: skip
    load_contacts(f"{DAYS.first}", f"{DAYS.last}")
    build("again")
    publish("lake_days", "again")
    after = checksums(market)
    assert {name: after[name] for name in before} == before
    assert accounting(market, "erased") == {"events": 6, "listings": 0, "users": 2, "contacts": 2}
    assert accounting(market, "landed") == {
        "events": 13, "listings": 2, "users": 4, "contacts": 4,
    }  # fmt: skip
    assert query(market, "select count(*) from pii.contacts where user_id = 2") == [(0,)]
    with engine(market).connect() as connection:
        stored = connection.scalar(text("select report from pii.erasures where user_id = 2"))
    assert stored["lake"]["core.events"]["rows"] == 4
