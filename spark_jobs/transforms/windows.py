"""Window features: sums of daily rows over 1, 7, 28 and 84 days, as of the end of a date.

All sums are of whole numbers and all sets are bit masks, so that the result doesn't depend on the
order in which Spark adds them up: a rerun gives the same bytes.
"""

import math
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.contracts.core import NO_CATEGORY, UNKNOWN_CATEGORY
from include.contracts.features import (
    DECAY_DAYS,
    LONGEST_WINDOW_DAYS,
    WINDOWS_DAYS,
    count_name,
    decayed_name,
)
from spark_jobs.transforms.daily_activity import VALUE_UNIT

# exp(-age / 30 days) as a whole number: exact to 1e-9, and 9e9 events fit into a long.
DECAY_UNIT = 10**9
# A mask of the days with an event: one bit a day of age, 42 bits in each of two longs.
MASK_BITS = LONGEST_WINDOW_DAYS // 2


def pair_windows(
    daily: DataFrame, feature_dates: list[date], event_types: tuple[str, ...]
) -> DataFrame:
    """Sums per feature date, user and category, the sentinel categories included.

    Args:
        daily: Rows of `features.user_category_daily`.
        feature_dates: The dates to compute; only rows that happened *and* arrived by then count.
        event_types: The vocabulary.

    Returns:
        `feature_date`, `user_id`, `category`; `<type>_count_<n>d` (long), `<type>_decayed` (long,
        in 1e-9 events), `value_<n>d` (long, in 1e-4), `recent` and `older` (masks of the days with
        an event, by age) and `days_since_last`.
    """
    known_on = F.greatest("event_date", "ingest_date")
    wanted = F.array(*[F.lit(day) for day in sorted(feature_dates)])
    in_reach = F.filter(
        wanted,
        lambda day: (day >= known_on) & (F.datediff(day, "event_date") < LONGEST_WINDOW_DAYS),
    )
    rows = daily.withColumn("feature_date", F.explode(in_reach)).withColumn(
        "age", F.datediff("feature_date", "event_date")
    )
    age = F.col("age")
    weights = [round(DECAY_UNIT * math.exp(-days / DECAY_DAYS)) for days in range(84)]
    rows = rows.withColumns(
        {
            "weight": F.element_at(F.array(*[F.lit(w).cast("bigint") for w in weights]), age + 1),
            "units": F.round(F.col("value_sum") * VALUE_UNIT).cast("bigint"),
        }
    )

    def within(days: int, value: Column) -> Column:
        return F.sum(F.when(age < days, value).otherwise(F.lit(0)).cast("bigint"))

    def mask(first: int) -> Column:
        bit = F.call_function("shiftleft", F.lit(1).cast("bigint"), age - first)
        is_here = (age >= first) & (age < first + MASK_BITS)
        return F.bit_or(F.when(is_here, bit).otherwise(F.lit(0).cast("bigint")))

    sums = [
        within(days, F.col(f"{kind}_count")).alias(count_name(kind, days))
        for kind in event_types
        for days in WINDOWS_DAYS
    ]
    sums += [
        F.sum(F.col(f"{kind}_count") * F.col("weight")).alias(f"{kind}_decayed")
        for kind in event_types
    ]
    sums += [within(days, F.col("units")).alias(f"value_{days}d") for days in WINDOWS_DAYS]
    return rows.groupBy("feature_date", "user_id", "category").agg(
        *sums,
        mask(0).alias("recent"),
        mask(MASK_BITS).alias("older"),
        F.min("age").cast("int").alias("days_since_last"),
    )


def user_category(pairs: DataFrame, event_types: tuple[str, ...]) -> DataFrame:
    """`features.user_category`: one row per feature date, user and real category."""
    return pairs.where(~F.col("category").isin(NO_CATEGORY, UNKNOWN_CATEGORY)).select(
        "user_id",
        "category",
        *_counts(event_types),
        *[(F.col(f"{k}_decayed") / DECAY_UNIT).alias(decayed_name(k)) for k in event_types],
        *_activity(),
        "days_since_last",
        "feature_date",
    )


def user(pairs: DataFrame, event_types: tuple[str, ...]) -> DataFrame:
    """`features.user`: one row per feature date and user, over all categories."""
    is_real = ~F.col("category").isin(NO_CATEGORY, UNKNOWN_CATEGORY)
    per_user = pairs.groupBy("feature_date", "user_id").agg(
        *[F.sum(name).alias(name) for name in _count_names(event_types)],
        *[F.sum(f"value_{days}d").alias(f"value_{days}d") for days in WINDOWS_DAYS],
        F.bit_or("recent").alias("recent"),
        F.bit_or("older").alias("older"),
        F.min("days_since_last").alias("days_since_last"),
        F.sum(is_real.cast("bigint")).alias("categories_84d"),
    )
    return per_user.select(
        "user_id",
        *_counts(event_types),
        *_activity(),
        "days_since_last",
        "categories_84d",
        "feature_date",
    )


def category(pairs: DataFrame, event_types: tuple[str, ...]) -> DataFrame:
    """`features.category`: one row per feature date and real category, over all users."""
    return (
        pairs.where(~F.col("category").isin(NO_CATEGORY, UNKNOWN_CATEGORY))
        .groupBy("category", "feature_date")
        .agg(
            *[F.sum(name).alias(name) for name in _count_names(event_types)],
            *[
                F.sum((_active_days(days) > 0).cast("bigint")).alias(f"active_users_{days}d")
                for days in WINDOWS_DAYS
            ],
        )
    )


def _count_names(event_types: tuple[str, ...]) -> list[str]:
    return [count_name(kind, days) for kind in event_types for days in WINDOWS_DAYS]


def _counts(event_types: tuple[str, ...]) -> list[Column]:
    return [F.col(name) for name in _count_names(event_types)]


def _activity() -> list[Column]:
    values = [
        (F.col(f"value_{days}d") / VALUE_UNIT).alias(f"value_sum_{days}d") for days in WINDOWS_DAYS
    ]
    return values + [_active_days(days).alias(f"active_days_{days}d") for days in WINDOWS_DAYS]


def _active_days(days: int) -> Column:
    recent = F.lit((1 << min(days, MASK_BITS)) - 1).cast("bigint")
    active = F.bit_count(F.col("recent").bitwiseAND(recent))
    if days > MASK_BITS:
        older = F.lit((1 << (days - MASK_BITS)) - 1).cast("bigint")
        active = active + F.bit_count(F.col("older").bitwiseAND(older))
    return active.cast("int")
