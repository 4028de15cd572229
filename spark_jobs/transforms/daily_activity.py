"""Sum a day's events up per user, category and day of event."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.transforms.parsing import day_of

# Sums of doubles depend on the order of the rows; sums of whole numbers don't.
VALUE_UNIT = 10_000


def daily_activity(
    events: DataFrame, event_types: tuple[str, ...], time_zone: str = "UTC"
) -> DataFrame:
    """One row per user, category, day of event and day of arrival.

    Args:
        events: `user_id`, `category`, `occurred_at`, `event_type`, `value`, `ingest_date`.
        event_types: The vocabulary; each becomes a column `<type>_count`.
        time_zone: Of the data days.

    Returns:
        The keys, the counts (long), `value_sum` (double, exact to 1e-4) and `last_occurred_at`.

    Example:
        >>> events = rows('''
        ...     user_id | category | occurred_at      | event_type | value
        ...     1       | cars     | 2026-03-09 12:00 | view       | null
        ...     1       | cars     | 2026-03-09 13:00 | buy        | 0.1
        ...     1       | cars     | 2026-03-09 11:00 | buy        | 0.2
        ...     1       | cars     | 2026-03-10 01:00 | view       | null
        ... ''', ingest_date="2026-03-10")
        >>> show(daily_activity(events, ("view", "buy")).drop("ingest_date"))
        user_id | category | event_date | view_count | buy_count | value_sum | last_occurred_at
        1       | cars     | 2026-03-09 | 1          | 2         | 0.3       | 2026-03-09 13:00:00
        1       | cars     | 2026-03-10 | 1          | 0         | 0.0       | 2026-03-10 01:00:00
    """
    counts = [
        F.sum((F.col("event_type") == kind).cast("bigint")).alias(f"{kind}_count")
        for kind in event_types
    ]
    units = F.round(F.coalesce("value", F.lit(0.0)) * VALUE_UNIT).cast("bigint")
    return events.groupBy(
        "user_id", "category", day_of("occurred_at", time_zone).alias("event_date"), "ingest_date"
    ).agg(
        *counts,
        (F.sum(units) / VALUE_UNIT).alias("value_sum"),
        F.max("occurred_at").alias("last_occurred_at"),
    )
