"""What was known by the end of a date: the one cutoff of all features."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def rows_as_of(daily: DataFrame, dates: Sequence[date], days: int) -> DataFrame:
    """Rows beside each date by which they had happened and arrived, unless too long ago.

    Args:
        daily: With `event_date` and `ingest_date`.
        dates: The dates.
        days: So many are looked back, the date itself included.

    Returns:
        The rows with `feature_date` and `age`, of the event in days; a row may count for several
        dates.

    Example:
        The first is too old, the last isn't known yet.

        >>> daily = rows('''
        ...     event_date | ingest_date
        ...     2026-03-24 | 2026-03-24
        ...     2026-03-25 | 2026-03-27
        ...     2026-03-31 | 2026-03-31
        ...     2026-03-30 | 2026-04-01
        ... ''')
        >>> show(rows_as_of(daily, [date(2026, 3, 31)], 7), "event_date", "age")
        event_date | age
        2026-03-25 | 6
        2026-03-31 | 0
    """
    known_by = daily.sparkSession.createDataFrame(
        [(day,) for day in sorted(dates)], "feature_date date"
    )
    age = F.datediff("feature_date", "event_date")
    # A nested loop over a few dates is compiled; an array of dates with a lambda isn't.
    return daily.join(
        F.broadcast(known_by),
        (F.col("ingest_date") <= F.col("feature_date")) & age.between(0, days - 1),
    ).withColumn("age", age)
