"""Features of visits, beside the same rules in plain Python over raw events."""

import math
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from include.config.categories import ANY_CATEGORY
from include.contracts.visits import (
    HALF_LIVES_DAYS,
    HORIZONS_DAYS,
    RING_DAYS,
    USER_CATEGORY_VISITS,
    USER_VISITS,
    VISIT_WINDOWS_DAYS,
    VISITS,
    WORDS,
)
from spark_jobs.transforms import visit_days as transforms
from spark_jobs.transforms.visits import visits

DAY = date(2026, 3, 31)
TYPES = ("view", "buy")
CATEGORIES = ["boats", "cars"]
Event = tuple[int, str, int, int, str]
"""User, category, age at `DAY`, days until it arrived, type."""


def said_of(ages: set[int]) -> dict[str, float | None]:
    """The rules, read aloud."""
    last, *more = sorted(ages)
    gaps = [older - newer for newer, older in zip([last, *more], more, strict=False)]
    longer = [gap for gap in gaps if gap > last]
    mean = sum(gaps) / len(gaps) if gaps else None
    found: dict[str, float | None] = {
        "days_since_visit": last,
        "days_since_second_last_visit": more[0] if more else None,
        "days_since_third_last_visit": more[1] if len(more) > 1 else None,
        "visit_gaps": len(gaps),
        "last_visit_gap_days": gaps[0] if gaps else None,
        "mean_visit_gap_days": mean,
        "visit_gap_deviation_days": math.sqrt(sum((g - mean) ** 2 for g in gaps) / len(gaps))
        if mean
        else None,
        "days_since_visit_by_mean_gap": last / mean if mean else None,
        "longer_visit_gaps": len(longer),
    }
    for days in VISIT_WINDOWS_DAYS:
        found[f"visits_{days}d"] = len([age for age in ages if age < days])
    for days in HALF_LIVES_DAYS:
        found[f"visits_half_life_{days}d"] = sum(0.5 ** (age / days) for age in ages)
    for days in HORIZONS_DAYS:
        ended = [gap for gap in longer if gap <= last + days]
        found[f"visit_hazard_{days}d"] = len(ended) / len(longer) if longer else None
    return found


def expected(
    events: list[Event], dates: list[date]
) -> dict[tuple[date, int, str], dict[str, float | None]]:
    ages: dict[tuple[date, int, str], set[int]] = defaultdict(set)
    for user, category, age, delay, kind in events:
        for day in dates:
            back = (DAY - day).days
            if kind in TYPES and age - delay >= back and 0 <= age - back < RING_DAYS:
                ages[day, user, ANY_CATEGORY].add(age - back)
                if category in CATEGORIES:
                    ages[day, user, category].add(age - back)
    found = {key: said_of(days) for key, days in ages.items()}
    for (day, user, category), values in found.items():
        if category != ANY_CATEGORY:
            mine = min(ages[day, user, category])
            every = ages[day, user, ANY_CATEGORY]
            values["user_visits_since_visit"] = len([age for age in every if age < mine])
    return found


def daily(spark: SparkSession, events: list[Event]) -> DataFrame:
    """Daily rows: one a user, category, day and day of arrival."""
    counts: dict[tuple[int, str, date, date], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("view", "buy", "mail"), 0)
    )
    for user, category, age, delay, kind in events:
        day = DAY - timedelta(days=age)
        counts[user, category, day, day + timedelta(days=delay)][kind] += 1
    return spark.createDataFrame(
        [(*key, *found.values()) for key, found in counts.items()],
        "user_id long, category string, event_date date, ingest_date date, view_count long, "
        "buy_count long, mail_count long",
    )


def made(days: DataFrame) -> dict[tuple[date, int, str], dict[str, float | None]]:
    """Rows of both tables, by key."""
    found = {}
    for row in transforms.user_category_visits(days).collect():
        found[row.feature_date, row.user_id, row.category] = row.asDict()
    for row in transforms.user_visits(days).collect():
        found[row.feature_date, row.user_id, ANY_CATEGORY] = row.asDict()
    for values in found.values():
        for key in ("feature_date", "user_id", "category"):
            values.pop(key, None)
    return found


AGES = st.sampled_from([0, 1, 6, 7, 28, 60, 61, 121, 122, 167, 168, 364, 365, 366, 371, 400])
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["cars", "boats", "bikes", "(none)"]),
        AGES | st.integers(0, 400),
        st.sampled_from([0, 0, 0, 1, 3, 30]),
        st.sampled_from(["view", "buy", "mail"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, known_days=st.integers(0, 400))
def test_agree_with_the_rules_read_aloud_in_one_pass_and_carried_on(
    spark: SparkSession, events: list[Event], known_days: int
) -> None:
    """Two dates at once; and what was known by an earlier day, with the arrivals since."""
    dates = [DAY - timedelta(days=5), DAY]
    rows = daily(spark, events)
    once = made(transforms.visit_days(rows, dates, CATEGORIES, TYPES))
    wanted = expected(events, dates)
    assert once.keys() == wanted.keys()
    for key, values in wanted.items():
        assert once[key] == pytest.approx(values, abs=1e-6, nan_ok=False), key

    base = DAY - timedelta(days=5 + known_days)
    known = transforms.visit_days(
        rows.where(f"ingest_date <= '{base}'"), [base], CATEGORIES, TYPES
    ).drop("feature_date")
    since = transforms.visit_days(rows.where(f"ingest_date > '{base}'"), dates, CATEGORIES, TYPES)
    both = transforms.put_together([transforms.carried_on(known, base, dates), since])
    assert made(both) == once, "the same to the last bit"


def test_a_buyer_of_every_tenth_day() -> None:
    """Hand-made: visits 4, 14 and 24 days ago, so the next one is due in six days."""
    days = np.zeros((1, RING_DAYS), np.bool_)
    days[0, [4, 14, 24]] = True
    found = {name: column.values[0] for name, column in visits(days).items()}
    assert found["mean_visit_gap_days"] == found["last_visit_gap_days"] == 10
    assert found["visit_gap_deviation_days"] == 0
    assert found["days_since_visit_by_mean_gap"] == 0.4
    assert (found["longer_visit_gaps"], found["visit_hazard_7d"]) == (2, 1)


def test_of_one_visit_nothing_is_said_of_gaps() -> None:
    days = np.zeros((1, RING_DAYS), np.bool_)
    days[0, 365] = True
    found = visits(days)
    assert {name for name, column in found.items() if column.is_null[0]} == {
        column.name for column in VISITS if column.nullable
    }
    assert (found["days_since_visit"].values[0], found["visits_365d"].values[0]) == (365, 0)


def test_mails_are_no_visits(spark: SparkSession) -> None:
    rows = daily(spark, [(1, "(none)", 0, 0, "mail"), (1, "cars", 3, 0, "buy")])
    (row,) = transforms.user_visits(transforms.visit_days(rows, [DAY], CATEGORIES, TYPES)).collect()
    assert (row.days_since_visit, row.visits_168d) == (3, 1)


def test_columns_are_the_contracts(spark: SparkSession) -> None:
    days = transforms.visit_days(daily(spark, [(1, "cars", 3, 0, "buy")]), [DAY], CATEGORIES, TYPES)
    assert days.columns == ["feature_date", "user_id", "category", *WORDS]
    for made_of, contract in (
        (transforms.user_visits(days), USER_VISITS),
        (transforms.user_category_visits(days), USER_CATEGORY_VISITS),
    ):
        kinds = {field.name: field.dataType for field in contract.spark_schema().fields}
        assert {field.name: field.dataType for field in made_of.schema.fields} == kinds
