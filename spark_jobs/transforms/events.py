"""From landed rows to valid events: parse, refuse with every reason, find duplicates."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.config import Events
from include.contracts.core import NO_CATEGORY, UNKNOWN_CATEGORY
from spark_jobs.transforms.parsing import is_given, long, number, text, timestamp

CORRUPT = "_corrupt_record"
CONTENT = ("occurred_at", "user_id", "listing_id", "event_type", "value")


def with_parsed_event(landed: DataFrame, events: Events) -> DataFrame:
    """Parse landed events and list what is wrong with each.

    Args:
        landed: One row a landed row: `event_id`, `occurred_at`, `user_id`, `listing_id`,
            `event_type`, `value` as they came (texts or already typed), `_corrupt_record`,
            `ingest_date` and anything else.
        events: The vocabulary, and how late an event may be.

    Returns:
        The rows of `landed`, one for one, the columns of an event parsed (null where that failed),
        the originals in the struct `landed`, and `reasons`: an array of texts, empty for a good
        row.
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
    day = F.to_date("occurred_at")
    earliest = F.date_sub("ingest_date", events.max_lateness_days)

    def missing(name: str) -> Column:
        return ~is_given(original[name])

    def invalid(name: str) -> Column:
        return is_given(original[name]) & F.col(name).isNull()

    checks = {
        "missing_event_id": missing("event_id"),
        "missing_occurred_at": missing("occurred_at"),
        "invalid_occurred_at": invalid("occurred_at"),
        "occurred_in_future": day > F.col("ingest_date"),
        "occurred_too_long_ago": day < earliest,
        "missing_user_id": missing("user_id"),
        "invalid_user_id": invalid("user_id"),
        "missing_event_type": missing("event_type"),
        "unknown_event_type": is_given(original["event_type"])
        & ~F.col("event_type").isin(*events.names),
        "missing_listing_id": missing("listing_id") & F.col("event_type").isin(*needs_listing),
        "invalid_listing_id": invalid("listing_id"),
        "invalid_value": invalid("value"),
    }
    return with_reasons(rows, checks)


def with_reasons(rows: DataFrame, checks: dict[str, Column]) -> DataFrame:
    """Add `reasons`: the names of the checks that are true; of a row that can't be read, only that.

    Args:
        rows: With the originals in the struct `landed`.
        checks: Conditions by the name of the reason; null counts as false.
    """
    listed = F.array_compact(
        F.array(*[F.when(condition, F.lit(name)) for name, condition in checks.items()])
    )
    is_corrupt = F.col(f"landed.{CORRUPT}").isNotNull()
    return rows.withColumn(
        "reasons", F.when(is_corrupt, F.array(F.lit("malformed_record"))).otherwise(listed)
    )


def suspects(candidates: DataFrame, known: DataFrame) -> DataFrame:
    """Ids that arrived more than once, or are known already.

    Everything else about duplicates looks only at these rows: this one narrow pass spares the wide
    rows a shuffle (20 M events on 2 cores: 60 s instead of 72).

    Args:
        candidates: `event_id` of valid rows, one row a landed row.
        known: `event_id` of events accepted within the look-back.

    Returns:
        `event_id`, each once.
    """
    ids = candidates.select("event_id").unionByName(known.select("event_id"))
    return ids.groupBy("event_id").count().where("count > 1").select("event_id")


def with_repeats(
    parsed: DataFrame, twice: DataFrame, known: DataFrame, lookback_days: int
) -> DataFrame:
    """Find what arrived before: rows that repeat an `event_id`.

    Within a day of arrival, the least by content stays, whatever the order of arrival. A repetition
    with other content is no duplicate but a contradiction: it is refused, with the reason
    `contradicts_same_event_id`. Against the days before, see `late_duplicates`.

    Args:
        parsed: As `with_parsed_event` returns it.
        twice: As `suspects` returns it.
        known: `event_id` and `ingest_date` of events accepted within the look-back.
        lookback_days: 0 to look at each day alone.

    Returns:
        The rows of `parsed`, one for one, with `is_repeat`: true for a valid row that says again
        what another row said.
    """
    is_valid = F.size("reasons") == 0
    marked = parsed.join(
        F.broadcast(twice.withColumn("_suspect", F.lit(True))), "event_id", how="left"
    ).withColumn("_suspect", is_valid & F.coalesce("_suspect", F.lit(False)))
    alone = marked.where(~F.col("_suspect")).withColumn("is_repeat", F.lit(False))
    key = Window.partitionBy("ingest_date", "event_id").orderBy(*CONTENT)
    content = F.struct(*CONTENT)
    ranked = (
        marked.where("_suspect")
        .withColumn("_rank", F.row_number().over(key))
        .withColumn("_first", F.first(content).over(key))
    )
    late = late_duplicates(
        ranked.where("_rank = 1").select("event_id", "ingest_date"), known, lookback_days
    ).withColumn("_late", F.lit(True))
    contradicts = (F.col("_rank") > 1) & ~F.col("_first").eqNullSafe(content)
    repeated = (
        ranked.join(late, ["event_id", "ingest_date"], how="left")
        .withColumn(
            "is_repeat",
            ~contradicts & ((F.col("_rank") > 1) | F.coalesce("_late", F.lit(False))),
        )
        .withColumn(
            "reasons",
            F.when(contradicts, F.array(F.lit("contradicts_same_event_id"))).otherwise(
                F.col("reasons")
            ),
        )
        .drop("_rank", "_first", "_late")
    )
    return alone.unionByName(repeated).drop("_suspect")


def late_duplicates(candidates: DataFrame, known: DataFrame, lookback_days: int) -> DataFrame:
    """Find events that were accepted on a day shortly before.

    Read day by day: an id that arrives is a duplicate if it was accepted at most `lookback_days`
    before. What was a duplicate itself does not count, so the answer for a range is the same as for
    its days one after the other.

    Args:
        candidates: `event_id` and `ingest_date`, at most one row a pair.
        known: The same, of days before those of `candidates`, all accepted.
        lookback_days: 0 for none.

    Returns:
        The rows of `candidates` that are duplicates.
    """
    days = F.array_sort(F.collect_set(F.struct("ingest_date", "is_candidate")))
    every = candidates.withColumn("is_candidate", F.lit(True)).unionByName(
        known.select("event_id", "ingest_date").withColumn("is_candidate", F.lit(False))
    )
    several = every.groupBy("event_id").agg(days.alias("days")).where(F.size("days") > 1)

    def accept(accepted: Column, day: Column) -> Column:
        last = F.try_element_at(accepted, F.lit(-1))
        is_new = F.coalesce(F.datediff(day["ingest_date"], last) > lookback_days, F.lit(True))
        return F.when(is_new, F.concat(accepted, F.array(day["ingest_date"]))).otherwise(accepted)

    accepted = F.aggregate("days", F.array().cast("array<date>"), accept)
    return (
        several.withColumn("accepted", accepted)
        .select("event_id", "accepted", F.explode("days").alias("day"))
        .where(F.col("day.is_candidate") & ~F.array_contains("accepted", F.col("day.ingest_date")))
        .select("event_id", F.col("day.ingest_date").alias("ingest_date"))
    )


def with_category(events: DataFrame, listings: DataFrame) -> DataFrame:
    """Add the category that the event's listing had at the end of the day of arrival.

    Args:
        events: With `listing_id` and `ingest_date`.
        listings: One row a listing and day on which it arrived: `listing_id`, `category`,
            `ingest_date`.

    Returns:
        The rows of `events`, one for one, with `category`: never null.
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
    return (
        events.join(intervals, is_current, how="left")
        .withColumn("category", category)
        .drop("_listing_id", "_category", "_since", "_until")
    )
