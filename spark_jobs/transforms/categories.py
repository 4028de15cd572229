"""Categories: an event belongs to the category that its listing had when it arrived."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from include.config.categories import NO_CATEGORY, UNKNOWN_CATEGORY


def with_category(events: DataFrame, listings: DataFrame) -> DataFrame:
    """Add the category that the event's listing had at the end of the day of arrival.

    Args:
        events: With `listing_id` and `ingest_date`.
        listings: One row a listing and day on which it arrived: `listing_id`, `category`,
            `ingest_date`.

    Returns:
        The rows of `events`, one for one, with `category`: never null.

    Example:
        >>> listings = rows('''
        ...     listing_id | category | ingest_date
        ...     9          | cars     | 2026-03-10
        ...     9          | boats    | 2026-03-12
        ... ''')
        >>> events = rows('''
        ...     event_id | listing_id | ingest_date
        ...     before   | 9          | 2026-03-09
        ...     then     | 9          | 2026-03-11
        ...     later    | 9          | 2026-03-12
        ...     strange  | 7          | 2026-03-12
        ...     none     | null       | 2026-03-12
        ... ''')
        >>> show(with_category(events, listings), "event_id", "category")
        event_id | category
        before   | (unknown)
        later    | boats
        none     | (none)
        strange  | (unknown)
        then     | cars
    """
    history = Window.partitionBy("listing_id").orderBy("ingest_date")
    # One row a listing and day, so the intervals don't overlap and the join can't multiply rows.
    intervals = listings.select(
        F.col("listing_id").alias("_listing_id"),
        F.col("category").alias("_category"),
        F.col("ingest_date").alias("_since"),
        F.lead("ingest_date").over(history).alias("_until"),
    )
    is_current = (
        (F.col("listing_id") == F.col("_listing_id"))
        & (F.col("ingest_date") >= F.col("_since"))
        & (F.col("_until").isNull() | (F.col("ingest_date") < F.col("_until")))
    )
    category = F.when(F.col("listing_id").isNull(), F.lit(NO_CATEGORY)).otherwise(
        F.coalesce("_category", F.lit(UNKNOWN_CATEGORY))
    )
    # The smaller one on the left: that's what engines without statistics build their table from.
    return (
        intervals.join(events, is_current, how="right")
        .withColumn("category", category)
        .drop("_listing_id", "_category", "_since", "_until")
    )
