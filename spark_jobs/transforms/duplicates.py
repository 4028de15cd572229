"""Deduplication: an event counts once, however often it arrives.

Within a day of arrival, rows with one `event_id` and the same content are duplicates: one of them
stays. Where contents differ, the least by content stays and the others are refused, with a reason.
Across days, an id that was accepted at most `lookback_days` before is a duplicate where it says the
same, and is refused where it doesn't. Neither is accepted itself: days one after the other give
what they give together.

Users and listings, which have a key and no look-back: see `dimensions.with_superseded`.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

CONTENT = ("occurred_at", "user_id", "listing_id", "event_type", "value")


def possible_duplicates(candidates: DataFrame, known: DataFrame) -> DataFrame:
    """Hashes of ids that arrived more than once, or are known already.

    Everything else about duplicates looks only at rows with one of these: this pass over one column
    of whole numbers spares the wide rows a shuffle. Two ids of one hash only cost a second look.

    Args:
        candidates: `event_id`, one row a landed row; null or empty for none.
        known: `event_id` of events accepted within the look-back.

    Returns:
        `event_hash` (`xxhash64` of the id), each once.

    Example:
        >>> candidates = rows('''
        ...     event_id
        ...     once
        ...     twice
        ...     twice
        ...     known
        ... ''')
        >>> found = possible_duplicates(candidates, known=rows('''
        ...     event_id
        ...     known
        ...     long gone
        ... '''))
        >>> named = candidates.distinct().withColumn("event_hash", F.xxhash64("event_id"))
        >>> show(named.join(found, "event_hash").select("event_id"))
        event_id
        known
        twice
    """
    ids = candidates.select(F.col("event_id").cast("string")).unionByName(known.select("event_id"))
    is_one = "event_id is not null and event_id != ''"
    hashes = ids.where(is_one).select(F.xxhash64("event_id").alias("event_hash"))
    return hashes.groupBy("event_hash").count().where("count > 1").select("event_hash")


def with_suspicion(parsed: DataFrame, possible: DataFrame, *, is_small: bool) -> DataFrame:
    """Mark the valid rows that may be duplicates.

    Args:
        parsed: As `with_parsed_event` returns it.
        possible: As `possible_duplicates` returns it.
        is_small: Whether `possible` fits into each worker's memory. Of a day that was delivered
            twice, every row is suspect.

    Returns:
        The rows of `parsed`, one for one, with `is_suspect`.

    Example:
        >>> parsed = rows('''
        ...     event_id | reasons
        ...     once     | []
        ...     twice    | []
        ...     twice    | []
        ...     twice    | [invalid_user_id]
        ... ''')
        >>> possible = possible_duplicates(parsed, known=parsed.limit(0))
        >>> show(with_suspicion(parsed, possible, is_small=True))
        event_id | reasons           | is_suspect
        once     | []                | false
        twice    | []                | true
        twice    | []                | true
        twice    | [invalid_user_id] | false
    """
    hashes = possible.withColumnRenamed("event_hash", "_hash")
    hashes = F.broadcast(hashes) if is_small else hashes
    is_valid = F.size("reasons") == 0
    # The smaller one on the left: that's what engines without statistics build their table from.
    return (
        hashes.join(parsed, F.xxhash64("event_id") == F.col("_hash"), how="right")
        .withColumn("is_suspect", is_valid & F.col("_hash").isNotNull())
        .drop("_hash")
    )


def with_duplicates(suspects: DataFrame, known: DataFrame, lookback_days: int) -> DataFrame:
    """Mark the rows that are duplicates, and refuse those that contradict what was accepted.

    Args:
        suspects: Valid rows; of an id, all that there are.
        known: `event_id`, `ingest_date` and the content of events accepted within the look-back;
            of ids that aren't among the suspects, too.
        lookback_days: 0 to look at each day alone.

    Returns:
        The rows of `suspects`, one for one, with `is_duplicate`: true for a row that repeats one
        that was accepted; and with the reason `contradicts_same_event_id` for a row that says
        something else than the accepted one, of its day or of one within the look-back.

    Example:
        Six rows of events, two of which are accepted: `a`, by user 1, and `b`.

        >>> suspects = rows('''
        ...     event_id | ingest_date | user_id
        ...     a        | 2026-03-10  | 1
        ...     a        | 2026-03-10  | 1
        ...     a        | 2026-03-10  | 2
        ...     a        | 2026-03-12  | 1
        ...     a        | 2026-03-12  | 3
        ...     b        | 2026-03-10  | 1
        ... ''', occurred_at="2026-03-10", listing_id="9", event_type="view", value="1",
        ...     reasons="[]")
        >>> marked = with_duplicates(suspects, suspects.limit(0), 3)
        >>> show(marked, "event_id", "ingest_date", "user_id", "is_duplicate", "reasons")
        event_id | ingest_date | user_id | is_duplicate | reasons
        a        | 2026-03-10  | 1       | false        | []
        a        | 2026-03-10  | 1       | true         | []
        a        | 2026-03-10  | 2       | false        | [contradicts_same_event_id]
        a        | 2026-03-12  | 1       | true         | []
        a        | 2026-03-12  | 3       | false        | [contradicts_same_event_id]
        b        | 2026-03-10  | 1       | false        | []
    """
    key = Window.partitionBy("ingest_date", "event_id").orderBy(*CONTENT)
    content = F.struct(*CONTENT)
    ranked = suspects.withColumn("_rank", F.row_number().over(key)).withColumn(
        # By its rank: the first one's struct beside every row takes five times as long.
        "_is_as_first",
        F.dense_rank().over(key) == 1,
    )
    named = ("event_id", "ingest_date", content.alias("_accepted"))
    candidates = ranked.where("_rank = 1").select(*named)
    # The smaller one on the left, as in `with_suspicion`.
    before = candidates.select("event_id").distinct().join(known, "event_id").select(*named)
    accepted = candidates.unionByName(before).withColumnRenamed("ingest_date", "accepted_date")
    late = late_duplicates(candidates, before, lookback_days).join(
        accepted, ["event_id", "accepted_date"]
    )
    compared = ranked.join(late, ["event_id", "ingest_date"], how="left")
    repeats = (F.col("_rank") > 1) | F.col("_accepted").isNotNull()
    agrees = F.when(F.col("_accepted").isNull(), F.col("_is_as_first")).otherwise(
        F.col("_accepted").eqNullSafe(content)
    )
    return (
        compared.withColumn("is_duplicate", repeats & agrees)
        .withColumn(
            "reasons",
            F.when(repeats & ~agrees, F.array(F.lit("contradicts_same_event_id"))).otherwise(
                F.col("reasons")
            ),
        )
        .drop("_rank", "_is_as_first", "_accepted", "accepted_date")
    )


def late_duplicates(candidates: DataFrame, known: DataFrame, lookback_days: int) -> DataFrame:
    """Duplicates of events that were accepted on a day shortly before.

    Args:
        candidates: `event_id` and `ingest_date`, at most one row a pair.
        known: The same, of days before those of `candidates`, all accepted.
        lookback_days: 0 for none.

    Returns:
        The rows of `candidates` that are duplicates, with the `accepted_date` of what they repeat.

    Example:
        Five candidates, two of which were accepted at most three days before: `known` on the 8th,
        `often` on the 10th. By the 14th that is four days ago, and the 12th doesn't count: what
        arrived then was a duplicate itself.

        >>> candidates = rows('''
        ...     event_id | ingest_date
        ...     known    | 2026-03-10
        ...     often    | 2026-03-10
        ...     often    | 2026-03-12
        ...     often    | 2026-03-14
        ...     new      | 2026-03-12
        ... ''')
        >>> known = rows('''
        ...     event_id | ingest_date
        ...     known    | 2026-03-08
        ... ''')
        >>> show(late_duplicates(candidates, known, lookback_days=3))
        event_id | ingest_date | accepted_date
        known    | 2026-03-10  | 2026-03-08
        often    | 2026-03-12  | 2026-03-10
    """
    days = F.array_sort(F.collect_set(F.struct("ingest_date", "is_candidate")))
    name = ("event_id", "ingest_date")
    every = candidates.select(*name, F.lit(True).alias("is_candidate")).unionByName(
        known.select(*name, F.lit(False).alias("is_candidate"))
    )
    # Counted first: lists are slow to make, and nearly every id has one day.
    count = F.count("*").over(Window.partitionBy("event_id"))
    several = (
        every.withColumn("_days", count)
        .where("_days > 1")
        .groupBy("event_id")
        .agg(days.alias("days"))
    )

    def accept(accepted: Column, day: Column) -> Column:
        last = F.try_element_at(accepted, F.lit(-1))
        is_new = F.coalesce(F.datediff(day["ingest_date"], last) > lookback_days, F.lit(True))
        return F.when(is_new, F.concat(accepted, F.array(day["ingest_date"]))).otherwise(accepted)

    accepted = F.aggregate("days", F.array().cast("array<date>"), accept)
    return (
        several.withColumn("accepted", accepted)
        .select("event_id", "accepted", F.explode("days").alias("day"))
        .where(F.col("day.is_candidate") & ~F.array_contains("accepted", F.col("day.ingest_date")))
        .select(
            "event_id",
            F.col("day.ingest_date").alias("ingest_date"),
            F.element_at(
                F.filter("accepted", lambda day: day < F.col("day.ingest_date")), -1
            ).alias("accepted_date"),
        )
    )
