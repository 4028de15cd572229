"""Events: landing → `core.events` and `core.rejected_events`."""

from datetime import timedelta

from pyspark.sql import functions as F

from include.contracts import core
from include.days import Days, until
from spark_jobs.landing_reader import read_landed
from spark_jobs.transforms.events import (
    late_duplicates,
    with_category,
    with_parsed_event,
    with_repeats,
)
from spark_jobs.workspace import Workspace, run_job


def build(work: Workspace) -> None:
    """Stage the events that arrived on the job's days."""
    rules = work.config.events
    raw = read_landed(work.spark, work.landing, "events", work.days, core.EVENTS_LANDING,
                      core.EVENTS_REQUIRED)  # fmt: skip
    landed = with_repeats(with_parsed_event(raw, rules))
    lookback = rules.duplicate_lookback_days
    if lookback:
        before = Days(work.days.first - timedelta(days=lookback), work.days.first - timedelta(1))
        is_candidate = (F.size("reasons") == 0) & ~F.col("is_repeat")
        late = late_duplicates(
            landed.where(is_candidate).select("event_id", "ingest_date"),
            work.read("core.events", before).select("event_id", "ingest_date"),
            lookback,
        ).withColumn("_late", F.lit(True))
        landed = (
            landed.join(late, ["event_id", "ingest_date"], how="left")
            .withColumn(
                "is_repeat",
                F.col("is_repeat") | (is_candidate & F.coalesce("_late", F.lit(False))),
            )
            .drop("_late")
        )
    landed = landed.persist()
    rejected = work.stage(
        "core.rejected_events",
        landed.where(F.size("reasons") > 0).select(
            F.to_json("landed").alias("raw"), "reasons", "source_file", "ingest_date"
        ),
    )
    listings = work.read("core.listings", until(work.days.last))
    accepted = landed.where((F.size("reasons") == 0) & ~F.col("is_repeat"))
    work.stage("core.events", with_category(accepted, listings))
    work.account("events", landed, "core.events", rejected)
    landed.unpersist()


if __name__ == "__main__":
    run_job("events", [build])
