"""From landed rows to valid events: parse each, and refuse the bad ones with every reason."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.config import Events
from include.contracts.core import MAX_VALUE
from include.landing.batches import CORRUPT
from spark_jobs.transforms.parsing import (
    day_of,
    is_decimal,
    is_given,
    long,
    number,
    text,
    timestamp,
    with_reasons,
)


def with_parsed_event(landed: DataFrame, events: Events, time_zone: str = "UTC") -> DataFrame:
    """Parse landed events and list what is wrong with each.

    Args:
        landed: One row a landed row: `event_id`, `occurred_at`, `user_id`, `listing_id`,
            `event_type`, `value` as they came (texts or already typed), `_corrupt_record`,
            `ingest_date` and anything else.
        events: The vocabulary, and how late an event may be.
        time_zone: Of the data days.

    Returns:
        The rows of `landed`, one for one, the columns of an event parsed (null where that failed),
        the originals in the struct `landed`, and `reasons`: an array of texts, empty for a good
        row.

    Example:
        >>> arrived = landed('''
        ...     event_id | occurred_at         | user_id | event_type | listing_id
        ...     a        | 2026-03-10 12:00:00 | 7       | view       | 9
        ...     b        | 2026-03-11          | 7       | view       | 9
        ...     c        | 2026-01-01          | 7       | fax        | null
        ...     d        | at noon             | seven   | view       | null
        ... ''', value="1.5", ingest_date="2026-03-10")
        >>> views = Events(
        ...     types=({"name": "view"},), max_lateness_days=30, duplicate_lookback_days=3
        ... )
        >>> show(with_parsed_event(arrived, views), "event_id", "occurred_at", "reasons")
        event_id | occurred_at         | reasons
        a        | 2026-03-10 12:00:00 | []
        b        | 2026-03-11 00:00:00 | [occurred_in_future]
        c        | 2026-01-01 00:00:00 | [occurred_too_long_ago, unknown_event_type]
        d        | null                | [invalid_occurred_at, invalid_user_id, missing_listing_id]
    """
    names = ["event_id", "occurred_at", "user_id", "listing_id", "event_type", "value"]
    original = {name: F.col(f"landed.{name}") for name in names}
    rows = landed.withColumn("landed", F.struct(*names, CORRUPT)).drop(*names, CORRUPT)
    kinds = dict(landed.dtypes)
    rows = rows.withColumns(
        {
            "event_id": text(original["event_id"]),
            "occurred_at": timestamp(original["occurred_at"], kinds["occurred_at"]),
            "user_id": long(original["user_id"], kinds["user_id"]),
            "listing_id": long(original["listing_id"], kinds["listing_id"]),
            "event_type": text(original["event_type"]),
            "value": number(original["value"], kinds["value"]),
        }
    )
    needs_listing = [kind.name for kind in events.types if kind.needs_listing]
    day = day_of("occurred_at", time_zone)
    earliest = F.date_sub("ingest_date", events.max_lateness_days)

    def missing(name: str) -> Column:
        return ~is_given(original[name], kinds[name])

    def invalid(name: str) -> Column:
        return is_given(original[name], kinds[name]) & F.col(name).isNull()

    checks = {
        "missing_event_id": missing("event_id"),
        "missing_occurred_at": missing("occurred_at"),
        "invalid_occurred_at": invalid("occurred_at"),
        "occurred_in_future": day > F.col("ingest_date"),
        "occurred_too_long_ago": day < earliest,
        "missing_user_id": missing("user_id"),
        "invalid_user_id": invalid("user_id"),
        "decimal_user_id": is_decimal(original["user_id"], kinds["user_id"]),
        "missing_event_type": missing("event_type"),
        "unknown_event_type": is_given(original["event_type"], kinds["event_type"])
        & ~F.col("event_type").isin(*events.names),
        "missing_listing_id": missing("listing_id") & F.col("event_type").isin(*needs_listing),
        "invalid_listing_id": invalid("listing_id"),
        "decimal_listing_id": is_decimal(original["listing_id"], kinds["listing_id"]),
        "invalid_value": invalid("value"),
        "value_out_of_bounds": F.abs("value") > MAX_VALUE,
    }
    return with_reasons(rows, checks)
