"""Events: each reason for a refusal, by hand."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.config import Events, EventType
from spark_jobs.transforms.events import with_parsed_event
from spark_jobs.transforms.parsing import CORRUPT

RULES = Events(
    types=(EventType(name="view"), EventType(name="mail", needs_listing=False)),
    max_lateness_days=30,
    duplicate_lookback_days=3,
)
DAY = date(2026, 3, 10)
GOOD = {
    "event_id": "e1",
    "occurred_at": "2026-03-10T12:00:00Z",
    "user_id": "7",
    "listing_id": "9",
    "event_type": "view",
    "value": "1.5",
    CORRUPT: None,
}
LANDED = ", ".join(f"`{name}` string" for name in GOOD) + ", ingest_date date"


def parse(spark: SparkSession, *rows: dict[str, Any]) -> list[Any]:
    landed = spark.createDataFrame([(*(GOOD | row).values(), DAY) for row in rows], LANDED)
    return with_parsed_event(landed, RULES).collect()


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, []),
        ({"event_id": ""}, ["missing_event_id"]),
        ({"occurred_at": None}, ["missing_occurred_at"]),
        ({"occurred_at": "2026"}, ["invalid_occurred_at"]),
        ({"occurred_at": "T10:00"}, ["invalid_occurred_at"]),
        ({"occurred_at": "2026-02-30T00:00:00"}, ["invalid_occurred_at"]),
        ({"occurred_at": "2026-03-11T00:00:00"}, ["occurred_in_future"]),
        ({"occurred_at": "2026-03-10T23:30:00-01:00"}, ["occurred_in_future"]),
        ({"occurred_at": "2026-02-08"}, []),  # exactly 30 days
        ({"occurred_at": "2026-02-07T23:59:59"}, ["occurred_too_long_ago"]),
        ({"user_id": "abc"}, ["invalid_user_id"]),
        ({"user_id": "7.0"}, ["invalid_user_id", "decimal_user_id"]),
        ({"listing_id": "1.3085E4"}, ["invalid_listing_id", "decimal_listing_id"]),
        ({"occurred_at": "2026-03-10T12:00Z"}, []),
        ({"occurred_at": "2026-03-10 12:00 -0100"}, []),
        ({"value": "1e9"}, []),
        ({"value": "-1e15"}, ["value_out_of_bounds"]),
        ({"user_id": "-7"}, ["invalid_user_id"]),
        ({"user_id": "99999999999999999999"}, ["invalid_user_id"]),
        ({"event_type": "telepathy"}, ["unknown_event_type"]),
        ({"listing_id": None}, ["missing_listing_id"]),
        ({"listing_id": None, "event_type": "mail"}, []),
        ({"value": "a lot"}, ["invalid_value"]),
        ({"value": "NaN"}, ["invalid_value"]),
        ({"value": None}, []),
        ({"user_id": None, "value": "x"}, ["missing_user_id", "invalid_value"]),
        ({CORRUPT: '{"event_id": ', "event_id": None}, ["malformed_record"]),
    ],
)
def test_each_row_is_refused_for_every_reason(
    spark: SparkSession, change: dict[str, Any], reasons: list[str]
) -> None:
    (row,) = parse(spark, change)
    assert row.reasons == reasons


def test_times_are_utc_unless_they_say_otherwise(spark: SparkSession) -> None:
    (plain, zoned) = parse(
        spark,
        {"occurred_at": "2026-03-10 08:00:00"},
        {"occurred_at": "2026-03-10T10:00:00+02:00"},
    )
    eight = datetime(2026, 3, 10, 8, tzinfo=UTC)
    assert plain.occurred_at.astimezone(UTC) == zoned.occurred_at.astimezone(UTC) == eight


def test_a_refused_row_keeps_what_it_was(spark: SparkSession) -> None:
    (row,) = parse(spark, {"user_id": "seven"})
    assert row.landed.user_id == "seven"
    assert row.user_id is None
