"""A market whose day isn't UTC's: events, users, contacts and labels go by its midnight."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession
from sqlalchemy import text, update

from include.audience.contacts import load_contacts
from include.config import Campaign, load_config
from include.contracts import Table, lake_tables
from include.database.engine import engine
from include.database.tables.predictions import ServiceLevel
from include.days import Days, start_of
from include.errors import ConfigError, GateError, SettingsError
from include.lake.gate import gate
from include.lake.publish import publish
from include.lake.tables import Lake
from include.predictions.campaigns import copy_config
from include.settings import Settings, settings
from spark_jobs import daily_activity, dimensions, events
from spark_jobs.job import refuse_unknown_zone, run_job
from spark_jobs.transforms.labels import reactions
from spark_jobs.transforms.windows import window_sums
from tests.integration.landing_files import basics, csv_of, day, event, land

ZONE = "America/Sao_Paulo"
ONE = Days(day(0), day(0))


@pytest.fixture
def market(place: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PROPENSITY_TIME_ZONE", ZONE)
    settings.cache_clear()
    with engine(settings()).begin() as connection:
        copy_config(connection, load_config(settings()), ZONE)
    return settings()


def at(when: date, local: timedelta) -> str:
    """A moment of a local day, as a landed file in UTC has it."""
    moment = start_of(when, ZONE) + local
    return datetime.fromtimestamp(moment.timestamp(), tz=start_of(when, "UTC").tzinfo).isoformat()


def rows(place: Settings, table: str) -> list[dict[str, Any]]:
    contract = lake_tables(load_config(place).events.names)[table]
    return list(Lake(place).arrow(contract).to_pylist())


def build(run: str) -> None:
    builds = [dimensions.build, events.build, daily_activity.build]
    arguments = ["--from-day", f"{day(0)}", "--to-day", f"{day(0)}", "--run", run]
    run_job("lake_days", builds, arguments)


def test_days_end_at_the_markets_midnight(market: Settings) -> None:
    """Midnight in Sao Paulo is three in the morning, UTC."""
    basics(market, ONE)
    night, second = timedelta(hours=23, minutes=59), timedelta(seconds=1)
    assert at(day(0), night) == f"{day(1)}T02:59:00+00:00"
    land(market, "events", day(0), "e.csv", csv_of(
        event("evening", day(0), occurred_at=at(day(0), night)),
        event("midnight", day(0), occurred_at=at(day(0), timedelta(0))),
        event("yesterday", day(0), occurred_at=at(day(0), -second)),
        event("tomorrow", day(0), occurred_at=at(day(1), timedelta(0))),
    ))  # fmt: skip
    land(
        market,
        "listings",
        day(0),
        "m.csv",
        "listing_id,category,updated_at\n"
        f"30,cars,{at(day(0), night)}\n40,cars,{at(day(1), timedelta(0))}\n",
    )
    land(
        market,
        "users",
        day(0),
        "v.csv",
        "user_id,registered_at,email,updated_at\n"
        f"8,{at(day(0), night)},a@example.org,{at(day(0), night)}\n"
        f"9,{at(day(1), timedelta(0))},b@example.org,{at(day(1), timedelta(0))}\n",
    )
    build("first")
    gate("lake_days", "first")
    publish("lake_days", "first")
    load_contacts(f"{day(0)}", f"{day(0)}")

    counts = {row["event_date"]: row["purchase_count"]
              for row in rows(market, "features.user_category_daily")}  # fmt: skip
    assert counts == {day(0): 2, day(0) - timedelta(days=1): 1}
    (refused,) = rows(market, "core.rejected_events")
    assert refused["reasons"] == ["occurred_in_future"]
    reasons = sorted(reason for row in rows(market, "core.rejected_dimensions")
                     for reason in row["reasons"])  # fmt: skip
    assert reasons == ["registered_in_future", "updated_in_future", "updated_in_future"]
    with engine(market).connect() as connection:
        late = connection.scalar(
            text("select late from analytics.ingest_accounting where table_name = 'events'")
        )
        mails = connection.execute(
            text("select email from pii.contacts where email is not null")
        ).scalars().all()  # fmt: skip
        refused_contact = connection.execute(
            text("select user_id, reasons from pii.rejected_contacts")
        ).one()
    assert late == 1
    assert mails == ["a@example.org"]
    assert tuple(refused_contact) == (9, ["updated_in_future"])

    with (
        pytest.raises(ConfigError, match=r"there are days of America/Sao_Paulo, and PROPENS"),
        engine(market).begin() as connection,
    ):
        copy_config(connection, load_config(market), "UTC")


def test_parts_of_the_stack_that_disagree_about_the_day_publish_nothing(market: Settings) -> None:
    basics(market, ONE)
    land(market, "events", day(0), "e.csv", csv_of(event("one", day(0))))
    build("first")
    with engine(market).begin() as connection:
        connection.execute(update(ServiceLevel).values(time_zone="UTC"))
    with pytest.raises(GateError, match=r"built by days of America/Sao_Paulo, .* days of UTC"):
        gate("lake_days", "first")


def test_what_happened_before_the_snapshot_and_arrived_after_it_is_in_neither(
    spark: SparkSession, tables: dict[str, Table]
) -> None:
    """The rule for the cut: a model learns from what it would have known, about what came after."""
    snapshot, later = day(10), day(11)
    arrivals = {  # user: (day it happened, day it arrived)
        1: (snapshot, snapshot), 2: (snapshot, later), 3: (later, later), 4: (later, day(18)),
    }  # fmt: skip
    contract = tables["features.user_category_daily"]
    daily = spark.createDataFrame(
        [(user, "cars", happened, 0, 1, 0.0, datetime(2026, 3, 1), arrived)  # noqa: DTZ001
         for user, (happened, arrived) in arrivals.items()],
        contract.spark_schema(),
    )  # fmt: skip
    known = window_sums(daily, ["user_id"], [snapshot], ("view", "buy")).collect()
    assert {row.user_id for row in known} == {1}
    sell = Campaign(campaign_id="sell", category="cars", positive_event_types=("buy",),
                    horizon_days=7, holdout_share=0.1)  # fmt: skip
    labels = reactions(daily, [snapshot], [sell]).collect()
    assert {row.user_id for row in labels} == {3}, "4 arrived after the horizon"


def test_a_zone_that_the_engine_does_not_know_is_refused_by_the_settings_name(
    spark: SparkSession,
) -> None:
    refuse_unknown_zone(spark, "America/Sao_Paulo")
    with pytest.raises(SettingsError, match="PROPENSITY_TIME_ZONE: Mars/Olympus is not known"):
        refuse_unknown_zone(spark, "Mars/Olympus")
