"""Events: each reason by hand, duplicates against a plain-Python reading of the rule."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from include.config import Events, EventType
from spark_jobs.transforms.events import (
    CORRUPT,
    suspects,
    with_category,
    with_parsed_event,
    with_repeats,
)

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
        ({"user_id": "7.0"}, ["invalid_user_id"]),
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


CANDIDATE = "event_id string, user_id long, ingest_date date"
KNOWN = "event_id string, ingest_date date"


def repeats(
    spark: SparkSession,
    rows: list[tuple[str, int, date]],
    known: list[tuple[str, date]],
    lookback_days: int,
) -> list[tuple[str, int, date, bool, tuple[str, ...]]]:
    """(event, user, day, is_repeat, reasons) of each row; each is valid but for what it repeats."""
    landed = [
        (event, f"{day}T00:00:00", str(user), "9", "view", None, None, day)
        for event, user, day in rows
    ]
    parsed = with_parsed_event(spark.createDataFrame(landed, LANDED), RULES)
    before = spark.createDataFrame(known, KNOWN)
    twice = suspects(parsed.where("size(reasons) = 0"), before)
    found = with_repeats(parsed, twice, before, lookback_days).collect()
    assert len(found) == len(rows), "one row in, one row out"
    return [(r.event_id, r.user_id, r.ingest_date, r.is_repeat, tuple(r.reasons)) for r in found]


def test_a_repetition_is_a_duplicate_and_a_contradiction_is_refused(spark: SparkSession) -> None:
    found = repeats(spark, [("a", 1, DAY), ("a", 1, DAY), ("a", 2, DAY), ("b", 1, DAY)], [], 0)
    assert Counter(found) == {
        ("a", 1, DAY, False, ()): 1,
        ("a", 1, DAY, True, ()): 1,
        ("a", 2, DAY, False, ("contradicts_same_event_id",)): 1,
        ("b", 1, DAY, False, ()): 1,
    }


def test_what_was_a_duplicate_itself_does_not_count(spark: SparkSession) -> None:
    """Look-back of 3: day 0 is accepted, day 2 repeats it, day 4 is 4 days after day 0."""
    days = [DAY + timedelta(days=n) for n in (0, 2, 4)]
    found = repeats(spark, [("a", 1, day) for day in days], [], 3)
    assert [(day, is_repeat) for _, _, day, is_repeat, _ in sorted(found)] == [
        (days[0], False),
        (days[1], True),
        (days[2], False),
    ]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    arrivals=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 12)), min_size=1, max_size=40
    ),
    known=st.dictionaries(st.sampled_from("abc"), st.integers(-3, -1)),
    lookback_days=st.integers(0, 4),
)
def test_agrees_with_the_rule_read_aloud(
    spark: SparkSession,
    arrivals: list[tuple[str, int]],
    known: dict[str, int],
    lookback_days: int,
) -> None:
    """Day by day, an id that was accepted at most `lookback_days` before is a duplicate."""
    last = {event: day for event, day in known.items() if -day <= lookback_days}
    expected: Counter[tuple[str, int, bool]] = Counter()
    for event, day in sorted(arrivals, key=lambda arrival: arrival[1]):
        seen = last.get(event)
        is_repeat = seen is not None and (day == seen or day - seen <= lookback_days)
        if not is_repeat:
            last[event] = day
        expected[event, day, is_repeat] += 1

    rows = [(event, 1, DAY + timedelta(days=day)) for event, day in arrivals]
    before = [
        (event, DAY + timedelta(days=day)) for event, day in known.items() if -day <= lookback_days
    ]
    found = repeats(spark, rows, before, lookback_days)
    assert Counter((e, (d - DAY).days, is_repeat) for e, _, d, is_repeat, _ in found) == expected


def test_the_category_is_the_one_known_on_the_day_of_arrival(spark: SparkSession) -> None:
    listings = spark.createDataFrame(
        [(9, "cars", DAY), (9, "boats", DAY + timedelta(days=2)), (8, None, DAY)],
        "listing_id long, category string, ingest_date date",
    )
    events = spark.createDataFrame(
        [
            ("before", 9, DAY - timedelta(days=1)),
            ("same day", 9, DAY),
            ("next day", 9, DAY + timedelta(days=1)),
            ("changed", 9, DAY + timedelta(days=2)),
            ("no category", 8, DAY),
            ("unknown listing", 7, DAY),
            ("no listing", None, DAY),
        ],
        "event_id string, listing_id long, ingest_date date",
    )
    found = {row.event_id: row.category for row in with_category(events, listings).collect()}
    assert found == {
        "before": "(unknown)",
        "same day": "cars",
        "next day": "cars",
        "changed": "boats",
        "no category": "(unknown)",
        "unknown listing": "(unknown)",
        "no listing": "(none)",
    }
