"""Window features: one user by hand, then agreement with a plain-Python reading of the rule."""

import math
from collections import defaultdict
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from include.contracts import Table
from include.contracts.features import WINDOWS_DAYS
from spark_jobs.transforms import windows

DAY = date(2026, 3, 31)
TYPES = ("view", "buy")
Row = tuple[int, str, int, int, int, int]
"""user, category, age of the event, days until it arrived, views, buys"""


def daily(spark: SparkSession, rows: list[Row], tables: dict[str, Table]) -> DataFrame:
    values = []
    for user, category, age, delay, views, buys in rows:
        happened = DAY - timedelta(days=age)
        at = datetime(happened.year, happened.month, happened.day)  # noqa: DTZ001 (Spark's UTC)
        values.append((user, category, happened, views, buys, 0.5 * buys, at,
                       happened + timedelta(days=delay)))  # fmt: skip
    return spark.createDataFrame(values, tables["features.user_category_daily"].spark_schema())


def test_one_user_by_hand(spark: SparkSession, tables: dict[str, Table]) -> None:
    rows: list[Row] = [
        (1, "cars", 0, 0, 2, 0),  # today
        (1, "cars", 6, 0, 1, 1),  # the last day of a week
        (1, "cars", 7, 0, 4, 0),  # the first beyond it
        (1, "cars", 83, 0, 8, 0),  # the last day of all
        (1, "cars", 84, 0, 16, 0),  # too long ago
        (1, "cars", 1, 2, 32, 0),  # arrives tomorrow: not known yet
    ]
    (row,) = windows.user_category(daily(spark, rows, tables), [DAY], TYPES).collect()
    assert [row[f"view_count_{days}d"] for days in WINDOWS_DAYS] == [2, 3, 7, 15]
    assert [row[f"buy_count_{days}d"] for days in WINDOWS_DAYS] == [0, 1, 1, 1]
    assert [row[f"value_sum_{days}d"] for days in WINDOWS_DAYS] == [0, 0.5, 0.5, 0.5]
    assert [row[f"active_days_{days}d"] for days in WINDOWS_DAYS] == [1, 2, 3, 4]
    assert row.days_since_last == 0
    assert math.isclose(row.buy_decayed_30d, math.exp(-6 / 30), abs_tol=1e-8)


def test_sentinel_categories_count_for_the_user_only(
    spark: SparkSession, tables: dict[str, Table]
) -> None:
    rows = daily(
        spark, [(1, "(none)", 0, 0, 1, 0), (1, "cars", 0, 0, 1, 0), (2, "(unknown)", 3, 0, 1, 0)],
        tables,
    )  # fmt: skip
    pairs = windows.user_category(rows, [DAY], TYPES)
    assert [(row.user_id, row.category) for row in pairs.collect()] == [(1, "cars")]
    users = {row.user_id: row for row in windows.user(rows, pairs, [DAY], TYPES).collect()}
    assert users[1].view_count_1d == 2
    assert users[1].active_days_1d == 1
    assert users[1].categories_84d == 1
    assert users[2].categories_84d == 0
    assert users[2].days_since_last == 3


def test_no_events_give_no_rows(spark: SparkSession, tables: dict[str, Table]) -> None:
    empty = daily(spark, [], tables)
    assert windows.user_category(empty, [DAY], TYPES).count() == 0


_rows = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["cars", "boats"]),
        st.sampled_from([0, 1, 6, 7, 27, 28, 41, 42, 83, 84]) | st.integers(0, 90),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[:4],
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_rows)
def test_agrees_with_the_rule_read_aloud(
    spark: SparkSession, tables: dict[str, Table], rows: list[Row]
) -> None:
    """Two dates at once: each counts what happened in its window and had arrived by its end."""
    dates = [DAY - timedelta(days=5), DAY]
    expected: dict[tuple[date, int, str], dict[str, float]] = {}
    grouped: dict[tuple[date, int, str], list[tuple[int, int, int]]] = defaultdict(list)
    for user, category, age, delay, views, buys in rows:
        for feature_date in dates:
            back = (DAY - feature_date).days
            if 0 <= age - back < 84 and age - delay - back >= 0:
                grouped[feature_date, user, category].append((age - back, views, buys))
    for key, found in grouped.items():
        expected[key] = {
            "days_since_last": min(age for age, _, _ in found),
            **{
                f"{kind}_count_{days}d": sum(row[place] for row in found if row[0] < days)
                for place, kind in ((1, "view"), (2, "buy"))
                for days in WINDOWS_DAYS
            },
            **{
                f"active_days_{days}d": len({age for age, _, _ in found if age < days})
                for days in WINDOWS_DAYS
            },
        }

    result = windows.user_category(daily(spark, rows, tables), dates, TYPES).collect()
    got = {
        (row.feature_date, row.user_id, row.category): {
            name: row[name] for name in next(iter(expected.values()), {})
        }
        for row in result
    }
    assert got == expected
