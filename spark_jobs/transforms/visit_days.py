"""Days of visits as bits of whole numbers, and the tables that are made from them."""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from include.config.categories import ANY_CATEGORY
from include.contracts import Table
from include.contracts.visits import (
    ACTIVE_WINDOWS_DAYS,
    RING_DAYS,
    USER_CATEGORY_VISITS,
    USER_VISITS,
    WORD_BITS,
    WORDS,
    kept_words,
)
from spark_jobs.transforms.as_of import rows_as_of
from spark_jobs.transforms.visits import OF_USER, work_out

KEYS = ("feature_date", "user_id", "category")


def visit_days(
    daily: DataFrame, dates: Sequence[date], categories: Sequence[str], visit_types: Sequence[str]
) -> DataFrame:
    """Days of visits by each date, of users, and of users in some categories.

    Args:
        daily: Rows of `features.user_category_daily`, or more of them than needed.
        dates: As of the end of each; only what happened and arrived by then, in a year, counts.
        categories: The categories.
        visit_types: Types of events that make a day a visit.

    Returns:
        `feature_date`, `user_id`, `category` (`ANY_CATEGORY` for the user's whatever about) and
        `WORDS`; rows with a visit.

    Example:
        >>> daily = rows('''
        ...     user_id | category | event_date | ingest_date | buy_count | mail_count
        ...     1       | cars     | 2026-03-30 | 2026-03-30  | 2         | 0
        ...     1       | boats    | 2026-03-31 | 2026-03-31  | 1         | 0
        ...     2       | (none)   | 2026-03-31 | 2026-03-31  | 0         | 1
        ...     3       | cars     | 2026-03-30 | 2026-04-01  | 1         | 0
        ... ''')
        >>> found = visit_days(daily, [date(2026, 3, 31)], ["cars"], ["buy"])
        >>> bits = sum((F.bit_count(name) for name in WORDS), F.lit(0))
        >>> show(found.withColumn("visits", bits), "user_id", "category", "visits")
        user_id | category | visits
        1       | (any)    | 2
        1       | cars     | 1
    """
    visited = daily.where(
        reduce(or_, [F.col(f"{kind}_count") > 0 for kind in visit_types], F.lit(False))
    )
    about = F.when(F.col("category").isin(*categories), F.col("category"))
    # A user's day is a tenth of the rows of their day's categories: fewer to meet the dates.
    distinct = visited.select(
        "user_id", about.alias("_about"), "event_date", "ingest_date"
    ).distinct()
    # No union: Sail takes a category that is always the same for another kind of column.
    every = F.array(F.lit(ANY_CATEGORY), "_about")
    seen = distinct.withColumn("category", F.explode(every)).where("category is not null")
    place = F.pmod(F.datediff("event_date", F.lit(date(1970, 1, 1))), F.lit(RING_DAYS))
    word, bit = F.floor(place / WORD_BITS), F.pmod(place, F.lit(WORD_BITS))
    one = F.call_function("shiftleft", F.lit(1).cast("bigint"), bit.cast("int"))
    return _together(
        rows_as_of(seen, dates, RING_DAYS).select(
            *KEYS,
            *[
                F.when(word == number, one).otherwise(F.lit(0).cast("bigint")).alias(name)
                for number, name in enumerate(WORDS)
            ],
        )
    )


def carried_on(known: DataFrame, known_by: date, dates: Sequence[date]) -> DataFrame:
    """What was known of visits by a day, as of later dates.

    Args:
        known: Rows of `features.known_visits` of one day.
        known_by: That day.
        dates: The dates.

    Returns:
        As `visit_days` does; of days that are by then too long ago, nothing is left.

    Example:
        A visit on the first of March is remembered for a year.

        >>> daily = rows('''
        ...     user_id | category | buy_count
        ...     1       | cars     | 1
        ... ''', event_date="2026-03-01", ingest_date="2026-03-01")
        >>> first, last = date(2026, 3, 1), date(2027, 3, 1)
        >>> known = visit_days(daily, [first], ["cars"], ["buy"]).drop("feature_date")
        >>> later = carried_on(known, first, [last, date(2027, 3, 2)])
        >>> show(user_visits(later), "feature_date", "user_id", "days_since_visit")
        feature_date | user_id | days_since_visit
        2027-03-01   | 1       | 365
    """
    names = [f"_kept_{name}" for name in WORDS]
    kept = known.sparkSession.createDataFrame(
        [(day, *kept_words(known_by, day)) for day in sorted(dates)],
        T.StructType(
            [T.StructField("feature_date", T.DateType())]
            + [T.StructField(name, T.LongType()) for name in names]
        ),
    )
    words = {
        name: F.col(name).bitwiseAND(F.col(mask)) for name, mask in zip(WORDS, names, strict=True)
    }
    rows = known.crossJoin(F.broadcast(kept)).select(
        *KEYS, *[word.alias(name) for name, word in words.items()]
    )
    return rows.where(reduce(or_, [F.col(name) != 0 for name in WORDS], F.lit(False)))


def put_together(parts: Sequence[DataFrame]) -> DataFrame:
    """Days of visits from several sources; a day may be in more than one of them.

    Args:
        parts: Each as `visit_days` returns it.

    Example:
        >>> daily = rows('''
        ...     user_id | category | event_date | buy_count
        ...     1       | cars     | 2026-03-29 | 1
        ...     1       | boats    | 2026-03-31 | 1
        ... ''', ingest_date="2026-03-31")
        >>> def days(of: str) -> DataFrame:
        ...     only = daily.where(F.col("category") == of)
        ...     return visit_days(only, [date(2026, 3, 31)], [of], ["buy"])
        >>> show(user_visits(put_together([days("cars"), days("boats")])), "visits_168d")
        visits_168d
        2
    """
    if len(parts) == 1:
        return parts[0]
    return _together(reduce(DataFrame.unionByName, parts))


def _together(rows: DataFrame) -> DataFrame:
    return rows.groupBy(*KEYS).agg(*[F.bit_or(name).alias(name) for name in WORDS])


def user_visits(days: DataFrame) -> DataFrame:
    """`features.user_visits`: one row a date and user with a visit in a year.

    Args:
        days: As `visit_days` returns them.

    Example:
        >>> daily = rows('''
        ...     user_id | category | event_date
        ...     1       | cars     | 2026-03-21
        ...     1       | (none)   | 2026-03-28
        ... ''', ingest_date="2026-03-31", buy_count="1")
        >>> days = visit_days(daily, [date(2026, 3, 31)], ["cars"], ["buy"])
        >>> show(user_visits(days), "days_since_visit", "last_visit_gap_days", "visit_hazard_7d")
        days_since_visit | last_visit_gap_days | visit_hazard_7d
        3                | 7                   | 1.0
    """
    rows = days.where(F.col("category") == ANY_CATEGORY).drop("category")
    return _worked_out(rows, USER_VISITS)


def user_category_visits(days: DataFrame) -> DataFrame:
    """`features.user_category_visits`: one row a date, user and category with a visit in a year.

    Args:
        days: As `visit_days` returns them.

    Example:
        Cars two days ago, and something since; boats today.

        >>> daily = rows('''
        ...     user_id | category | event_date
        ...     1       | cars     | 2026-03-29
        ...     1       | bikes    | 2026-03-30
        ...     1       | boats    | 2026-03-31
        ... ''', ingest_date="2026-03-31", buy_count="1")
        >>> days = visit_days(daily, [date(2026, 3, 31)], ["cars", "boats"], ["buy"])
        >>> show(user_category_visits(days), "category", "days_since_visit", "visits_168d",
        ...      "user_visits_since_visit")
        category | days_since_visit | visits_168d | user_visits_since_visit
        boats    | 0                | 1           | 0
        cars     | 2                | 1           | 2
    """
    of_users = days.where(F.col("category") == ANY_CATEGORY).select(
        "feature_date",
        "user_id",
        *[F.col(name).alias(other) for name, other in zip(WORDS, OF_USER, strict=True)],
    )
    pairs = days.where(F.col("category") != ANY_CATEGORY)
    return _worked_out(pairs.join(of_users, ["feature_date", "user_id"]), USER_CATEGORY_VISITS)


def _worked_out(rows: DataFrame, contract: Table) -> DataFrame:
    keys = [T.StructField(f.name, f.dataType) for f in rows.schema.fields if f.name in KEYS]
    fields = [field for field in contract.spark_schema().fields if field.name not in KEYS]
    return rows.mapInArrow(work_out, T.StructType([*keys, *fields]))


def campaign_category(
    user_visits: DataFrame,
    user_category_visits: DataFrame,
    dates: Sequence[date],
    categories: Sequence[str],
) -> DataFrame:
    """`features.campaign_category`: one row a date and category, visited or not.

    Args:
        user_visits: Rows of `features.user_visits` of these dates.
        user_category_visits: Rows of `features.user_category_visits` of these dates.
        dates: The dates.
        categories: The categories of campaigns.

    Example:
        >>> visits = rows('''
        ...     user_id | category | days_since_visit
        ...     1       | cars     | 6
        ...     2       | cars     | 7
        ... ''', feature_date="2026-03-31")
        >>> found = campaign_category(visits, visits, [date(2026, 3, 31)], ["boats", "cars"])
        >>> show(found, "category", "visitors_7d", "visitors_28d", "users")
        category | visitors_7d | visitors_28d | users
        boats    | 0           | 0            | 2
        cars     | 1           | 2            | 2
    """

    def within(days: int) -> Column:
        is_recent = F.col("days_since_visit") < days
        return F.sum(is_recent.cast("bigint")).alias(f"visitors_{days}d")

    every = user_visits.sparkSession.createDataFrame(
        [(day, category) for day in sorted(dates) for category in sorted(categories)],
        "feature_date date, category string",
    )
    visitors = user_category_visits.groupBy("feature_date", "category").agg(
        *[within(days) for days in ACTIVE_WINDOWS_DAYS]
    )
    users = user_visits.groupBy("feature_date").agg(F.count("*").alias("users"))
    counted = every.join(visitors, ["feature_date", "category"], how="left").join(
        users, "feature_date", how="left"
    )
    names = [*(f"visitors_{days}d" for days in ACTIVE_WINDOWS_DAYS), "users"]
    return counted.select(
        "category", *[F.coalesce(name, F.lit(0)).alias(name) for name in names], "feature_date"
    )
