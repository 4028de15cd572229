"""Window features: sums of daily rows over 1, 7, 28 and 84 days, as of the end of a date.

All sums are of whole numbers and all sets are bit masks, so that the result doesn't depend on the
order in which Spark adds them up: a rerun gives the same bytes.
"""

import math
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.config.categories import NO_CATEGORY, UNKNOWN_CATEGORY
from include.contracts.features import (
    DECAY_DAYS,
    LONGEST_WINDOW_DAYS,
    WINDOWS_DAYS,
    count_name,
    decayed_name,
)
from spark_jobs.transforms.as_of import rows_as_of
from spark_jobs.transforms.daily_activity import VALUE_UNIT

# exp(-age / 30 days) as a whole number: exact to 1e-9, and 9e9 events fit into a long.
DECAY_UNIT = 10**9
# A mask of the days with an event: one bit a day of age, 42 bits in each of two longs.
MASK_BITS = LONGEST_WINDOW_DAYS // 2


def window_sums(
    daily: DataFrame, keys: list[str], feature_dates: list[date], event_types: tuple[str, ...]
) -> DataFrame:
    """Sums per feature date and key over the windows.

    Args:
        daily: `keys`, `event_date`, `ingest_date`, `<type>_count` and `value_sum`; one row a key
            and pair of dates, like `features.user_category_daily`.
        keys: What a sum is for, such as user and category.
        feature_dates: The dates to compute; only rows that happened *and* arrived by then count.
        event_types: The vocabulary.

    Returns:
        `feature_date`, `keys`; `<type>_count_<n>d` (long), `<type>_decayed` (long, in 1e-9
        events), `value_<n>d` (long, in 1e-4), `recent` and `older` (masks of the days with an
        event, by age) and `days_since_last`.

    Example:
        Five rows in, a row a date out. As of the 31st, the 25th is the last day within a week, the
        6th of January a day too old, and what arrives tomorrow isn't known yet.

        >>> daily = rows('''
        ...     user_id | event_date | ingest_date | view_count
        ...     1       | 2026-01-06 | 2026-01-06  | 1
        ...     1       | 2026-03-24 | 2026-03-24  | 2
        ...     1       | 2026-03-25 | 2026-03-25  | 4
        ...     1       | 2026-03-30 | 2026-04-01  | 8
        ...     1       | 2026-03-31 | 2026-03-31  | 16
        ... ''', value_sum="0")
        >>> dates = [date(2026, 3, 24), date(2026, 3, 31)]
        >>> sums = window_sums(daily, ["user_id"], dates, ("view",))
        >>> show(sums, "feature_date", *(f"view_count_{days}d" for days in WINDOWS_DAYS))
        feature_date | view_count_1d | view_count_7d | view_count_28d | view_count_84d
        2026-03-24   | 2             | 2             | 2              | 3
        2026-03-31   | 16            | 20            | 22             | 22
    """
    rows = rows_as_of(daily, feature_dates, LONGEST_WINDOW_DAYS)
    age = F.col("age")
    weights = [
        round(DECAY_UNIT * math.exp(-days / DECAY_DAYS)) for days in range(LONGEST_WINDOW_DAYS)
    ]
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
    return rows.groupBy("feature_date", *keys).agg(
        *sums,
        mask(0).alias("recent"),
        mask(MASK_BITS).alias("older"),
        F.min("age").cast("int").alias("days_since_last"),
    )


def user_category(
    daily: DataFrame, feature_dates: list[date], event_types: tuple[str, ...]
) -> DataFrame:
    """`features.user_category`: one row per feature date, user and real category.

    Args:
        daily: Rows of `features.user_category_daily`.
        feature_dates: The dates to compute.
        event_types: The vocabulary.

    Example:
        >>> daily = rows('''
        ...     user_id | category  | event_date | view_count | value_sum
        ...     1       | cars      | 2026-03-31 | 1          | 0.5
        ...     1       | cars      | 2026-03-01 | 2          | 0.2
        ...     1       | (unknown) | 2026-03-31 | 4          | 0
        ... ''', ingest_date="2026-03-31")
        >>> features = user_category(daily, [date(2026, 3, 31)], ("view",))
        >>> show(features, "category", "view_count_7d", "view_decayed_30d", "value_sum_28d",
        ...      "active_days_84d")
        category | view_count_7d | view_decayed_30d | value_sum_28d | active_days_84d
        cars     | 1             | 1.735758882      | 0.5           | 2
    """
    real = daily.where(~F.col("category").isin(NO_CATEGORY, UNKNOWN_CATEGORY))
    return window_sums(real, ["user_id", "category"], feature_dates, event_types).select(
        "user_id",
        "category",
        *_counts(event_types),
        *[(F.col(f"{k}_decayed") / DECAY_UNIT).alias(decayed_name(k)) for k in event_types],
        *_activity(),
        "days_since_last",
        "feature_date",
    )


def user(
    daily: DataFrame,
    user_categories: DataFrame,
    feature_dates: list[date],
    event_types: tuple[str, ...],
) -> DataFrame:
    """`features.user`: one row per feature date and user, over all categories and none.

    Args:
        daily: Rows of `features.user_category_daily`.
        user_categories: Rows of `features.user_category` of these dates.
        feature_dates: The dates to compute.
        event_types: The vocabulary.

    Example:
        >>> daily = rows('''
        ...     user_id | category | event_date | view_count
        ...     1       | cars     | 2026-03-31 | 1
        ...     1       | boats    | 2026-03-30 | 2
        ...     1       | (none)   | 2026-03-30 | 4
        ... ''', ingest_date="2026-03-31", value_sum="0")
        >>> dates = [date(2026, 3, 31)]
        >>> features = user(daily, user_category(daily, dates, ("view",)), dates, ("view",))
        >>> show(features, "user_id", "view_count_7d", "active_days_7d", "categories_84d")
        user_id | view_count_7d | active_days_7d | categories_84d
        1       | 7             | 2              | 2
    """
    units = F.round(F.col("value_sum") * VALUE_UNIT).cast("bigint")
    # A user's day is a tenth of the rows of their day's categories: sum up before the windows.
    per_day = daily.groupBy("user_id", "event_date", "ingest_date").agg(
        *[F.sum(f"{kind}_count").alias(f"{kind}_count") for kind in event_types],
        (F.sum(units) / VALUE_UNIT).alias("value_sum"),
    )
    categories = user_categories.groupBy("feature_date", "user_id").agg(
        F.count("*").alias("categories_84d")
    )
    return (
        window_sums(per_day, ["user_id"], feature_dates, event_types)
        .join(categories, ["feature_date", "user_id"], how="left")
        .select(
            "user_id",
            *_counts(event_types),
            *_activity(),
            "days_since_last",
            F.coalesce("categories_84d", F.lit(0)).alias("categories_84d"),
            "feature_date",
        )
    )


def category(user_categories: DataFrame, event_types: tuple[str, ...]) -> DataFrame:
    """`features.category`: one row per feature date and real category, over all users.

    Args:
        user_categories: Rows of `features.user_category`.
        event_types: The vocabulary.

    Example:
        >>> daily = rows('''
        ...     user_id | category | event_date | view_count
        ...     1       | cars     | 2026-03-31 | 1
        ...     2       | cars     | 2026-03-10 | 2
        ... ''', ingest_date="2026-03-31", value_sum="0")
        >>> features = category(user_category(daily, [date(2026, 3, 31)], ("view",)), ("view",))
        >>> show(features, "category", "view_count_7d", "view_count_28d", "active_users_7d",
        ...      "active_users_28d")
        category | view_count_7d | view_count_28d | active_users_7d | active_users_28d
        cars     | 1             | 3              | 1               | 2
    """
    return user_categories.groupBy("category", "feature_date").agg(
        *[F.sum(name).alias(name) for name in _count_names(event_types)],
        *[
            F.sum((F.col(f"active_days_{days}d") > 0).cast("bigint")).alias(f"active_users_{days}d")
            for days in WINDOWS_DAYS
        ],
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
