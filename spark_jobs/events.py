"""Events: landing → `core.events` and `core.rejected_events`."""

from pyspark.sql import functions as F

from include.days import until
from include.landing import columns
from spark_jobs.job import run_job
from spark_jobs.landing_reader import below_landing, read_landed
from spark_jobs.transforms.categories import with_category
from spark_jobs.transforms.duplicates import (
    CONTENT,
    possible_duplicates,
    with_duplicates,
    with_suspicion,
)
from spark_jobs.transforms.events import event_counts, raw_of, with_parsed_event
from spark_jobs.workspace import Workspace

BROADCAST_ROWS = 2_000_000
"""Suspects (a whole number each) that every worker is asked to hold."""


def build(work: Workspace) -> None:
    """Stage the events that arrived on the job's days."""
    rules, zone = work.config.events, work.settings.time_zone
    raw = read_landed(work.spark, work.landing, "events", work.days, columns.EVENTS_LANDING,
                      columns.EVENTS_REQUIRED)  # fmt: skip
    lookback = rules.duplicate_lookback_days
    events = "core.events"
    known = (
        work.read(events, work.reach(events, events))
        if lookback
        else work.spark.createDataFrame([], work.contract(events).spark_schema())
    ).select("event_id", "ingest_date", *CONTENT)
    is_refused = F.size("reasons") > 0
    # Everything below goes over the rows again; only a refused row's original is asked for again,
    # and keeping all would double what is kept.
    parsed = work.without_erased("events", with_parsed_event(raw, rules, zone))
    parsed = parsed.withColumn("landed", F.when(is_refused, F.col("landed"))).persist()
    possible = possible_duplicates(parsed, known).persist()
    is_small = possible.count() <= BROADCAST_ROWS
    marked = with_suspicion(parsed, possible, is_small=is_small)
    is_odd = F.col("is_suspect") | is_refused
    odd = marked.where(is_odd).persist()
    checked = with_duplicates(odd.where("is_suspect"), known, lookback).persist()
    rejected = work.stage(
        "core.rejected_events",
        odd.where(is_refused)
        .unionByName(checked.where(is_refused).drop("is_duplicate"))
        .select(raw_of("landed").alias("raw"), "reasons", below_landing(), "ingest_date"),
    )
    listings = work.read("core.listings", work.reach(events, "core.listings"))
    accepted = marked.where(~is_odd).unionByName(
        checked.where(~is_refused & ~F.col("is_duplicate")).drop("is_duplicate")
    )
    staged = work.stage(events, with_category(accepted, listings), is_grouped=True)
    users = work.read("core.users", until(work.days.last))
    duplicates = checked.where("is_duplicate")
    work.account("events", parsed, duplicates, events, rejected, event_counts(staged, users, zone))
    for kept in (checked, odd, possible, parsed):
        kept.unpersist()


if __name__ == "__main__":
    run_job("events", [build])
