"""Yardstick: landed events to `core.events` and `core.rejected_events`, as one writes it at first.

Read, a column for what is wrong, a window for what is there twice, a join, two writes. It gives the
same for made-up traffic, where rows with one id say the same; not for every source.
"""

from pyspark.sql import Column, Window
from pyspark.sql import functions as F

from tests.bench.yardsticks.spark import LANDED, landed_events, session
from tests.bench.yardsticks.work import Work, work

MAX_VALUE = 1_000_000_000
TYPES = {"occurred_at": "timestamp", "user_id": "bigint", "listing_id": "bigint", "value": "double"}


def reasons_of(asked: Work) -> Column:
    """Why a parsed row is refused; empty for a good one."""
    day = F.to_date(F.lit(asked.day))
    checks: dict[str, Column] = {}
    for name in ("event_id", "occurred_at", "user_id", "event_type", "listing_id", "value"):
        original = F.col(f"landed.{name}").cast("string")
        is_given = original.isNotNull() & (original != "")
        if name != "value":
            checks[f"missing_{name}"] = ~is_given
        if name in TYPES:
            checks[f"invalid_{name}"] = is_given & F.col(name).isNull()
    checks["occurred_in_future"] = F.to_date("occurred_at") > day
    checks["occurred_too_long_ago"] = F.to_date("occurred_at") < F.date_sub(
        day, asked.max_lateness_days
    )
    checks["unknown_event_type"] = ~F.col("event_type").isin(*asked.event_types)
    checks["value_out_of_bounds"] = F.abs("value") > MAX_VALUE
    return F.array_compact(F.array(*[F.when(sql, F.lit(name)) for name, sql in checks.items()]))


def main(asked: Work) -> None:
    """Write both tables."""
    spark = session("events_textbook")
    parsed = (
        landed_events(spark, asked)
        .withColumn("source_file", F.col("_metadata.file_path"))
        .withColumn("landed", F.struct(*LANDED))
        .withColumns({name: F.col(name).try_cast(kind) for name, kind in TYPES.items()})
        .withColumns(
            {name: F.when(F.col(name) >= 0, F.col(name)) for name in ("user_id", "listing_id")}
        )
        .withColumn("ingest_date", F.to_date(F.lit(asked.day)))
        .withColumn("reasons", reasons_of(asked))
    )
    same = Window.partitionBy("event_id").orderBy(*LANDED[1:])
    accepted = (
        parsed.where(F.size("reasons") == 0)
        .withColumn("nth", F.row_number().over(same))
        .where("nth = 1")
    )
    newest = Window.partitionBy("listing_id").orderBy(F.desc("ingest_date"))
    categories = (
        spark.read.parquet(*asked.listings)
        .where(F.col("ingest_date") <= asked.day)
        .withColumn("nth", F.row_number().over(newest))
        .where("nth = 1")
        .select("listing_id", "category")
    )
    category = F.when(F.col("listing_id").isNull(), "(none)").otherwise(
        F.coalesce("category", F.lit("(unknown)"))
    )
    events = accepted.join(categories, "listing_id", how="left").select(
        *LANDED, category.alias("category"), "ingest_date"
    )
    refused = parsed.where(F.size("reasons") > 0).select(
        F.to_json("landed").alias("raw"),
        "reasons",
        F.regexp_extract("source_file", r"([^/]+/date=[^/]+/[^/]+)$", 1).alias("source_file"),
        "ingest_date",
    )
    events.write.mode("overwrite").parquet(asked.folder("core.events"))
    refused.write.mode("overwrite").parquet(asked.folder("core.rejected_events"))


if __name__ == "__main__":
    main(work())
