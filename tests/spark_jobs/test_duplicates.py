"""Deduplication: by hand, then against a plain-Python reading of the rule."""

from collections import Counter
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.transforms.duplicates import possible_duplicates, with_duplicates, with_suspicion

DAY = date(2026, 3, 10)
PARSED = """
    event_id string, occurred_at timestamp, user_id long, listing_id long, event_type string,
    value double, reasons array<string>, ingest_date date
"""


def marked(
    spark: SparkSession,
    rows: list[tuple[str, int, date]],
    known: list[tuple[str, int, date]],
    lookback_days: int,
    *,
    is_small: bool = True,
) -> list[tuple[str, int, date, bool, tuple[str, ...]]]:
    """(event, user, day, is_duplicate, reasons) of each row; each is valid, taken alone."""

    def events(given: list[tuple[str, int, date]]) -> DataFrame:
        return spark.createDataFrame(
            [
                (event, datetime.combine(DAY, time()), user, 9, "view", None, [], day)
                for event, user, day in given
            ],
            PARSED,
        )

    parsed, before = events(rows), events(known)
    possible = possible_duplicates(parsed, before)
    suspicious = with_suspicion(parsed, possible, is_small=is_small)
    checked = with_duplicates(suspicious.where("is_suspect"), before, lookback_days)
    clean = suspicious.where("not is_suspect").withColumn("is_duplicate", F.lit(False))
    found = clean.unionByName(checked).collect()
    assert len(found) == len(rows), "one row in, one row out"
    return [(r.event_id, r.user_id, r.ingest_date, r.is_duplicate, tuple(r.reasons)) for r in found]


@pytest.mark.parametrize("is_small", [True, False])
def test_the_same_again_is_a_duplicate_and_a_contradiction_is_refused(
    spark: SparkSession, is_small: bool
) -> None:
    rows = [("a", 1, DAY), ("a", 1, DAY), ("a", 2, DAY), ("b", 1, DAY)]
    assert Counter(marked(spark, rows, [], 0, is_small=is_small)) == {
        ("a", 1, DAY, False, ()): 1,
        ("a", 1, DAY, True, ()): 1,
        ("a", 2, DAY, False, ("contradicts_same_event_id",)): 1,
        ("b", 1, DAY, False, ()): 1,
    }


def test_what_was_a_duplicate_itself_does_not_count(spark: SparkSession) -> None:
    """Look-back of 3: day 0 is accepted, day 2 is its duplicate, day 4 is 4 days after day 0."""
    days = [DAY + timedelta(days=n) for n in (0, 2, 4)]
    found = marked(spark, [("a", 1, day) for day in days], [], 3)
    assert [(day, is_duplicate) for _, _, day, is_duplicate, _ in sorted(found)] == [
        (days[0], False),
        (days[1], True),
        (days[2], False),
    ]


def test_the_same_id_on_a_later_day_with_other_content_is_refused(spark: SparkSession) -> None:
    """Within the look-back; what was refused on the way doesn't count, as if it had never come."""
    days = [DAY + timedelta(days=n) for n in range(3)]
    rows = [("a", 2, days[0]), ("a", 1, days[1]), ("a", 2, days[2]), ("b", 1, days[2])]
    before = [("a", 1, DAY - timedelta(days=1))]
    assert sorted(marked(spark, rows, before, 3)) == [
        ("a", 1, days[1], True, ()),
        ("a", 2, days[0], False, ("contradicts_same_event_id",)),
        ("a", 2, days[2], False, ("contradicts_same_event_id",)),
        ("b", 1, days[2], False, ()),
    ]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    arrivals=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(1, 2), st.integers(0, 12)),
        min_size=1,
        max_size=40,
    ),
    known=st.dictionaries(
        st.sampled_from("abc"), st.tuples(st.integers(1, 2), st.integers(-3, -1))
    ),
    lookback_days=st.integers(0, 4),
)
def test_agrees_with_the_rule_read_aloud(
    spark: SparkSession,
    arrivals: list[tuple[str, int, int]],
    known: dict[str, tuple[int, int]],
    lookback_days: int,
) -> None:
    """Day by day, what an accepted event of the look-back says is a duplicate, or refused."""
    last = {event: (user, day) for event, (user, day) in known.items() if -day <= lookback_days}
    expected: Counter[tuple[str, int, int, str]] = Counter()
    # Of a day's rows with one id, the least comes first.
    for event, user, day in sorted(arrivals, key=lambda arrival: (arrival[2], arrival[1])):
        said, seen = last.get(event, (user, None))
        if seen is None or day - seen > lookback_days:
            last[event] = (user, day)
            expected[event, user, day, "accepted"] += 1
        else:
            expected[event, user, day, "duplicate" if user == said else "refused"] += 1

    rows = [(event, user, DAY + timedelta(days=day)) for event, user, day in arrivals]
    before = [
        (event, user, DAY + timedelta(days=day))
        for event, (user, day) in known.items()
        if -day <= lookback_days
    ]
    got = Counter(
        (
            event,
            user,
            (day - DAY).days,
            "duplicate" if again else "accepted" if not why else "refused",
        )
        for event, user, day, again, why in marked(spark, rows, before, lookback_days)
    )
    assert got == expected
