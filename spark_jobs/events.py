"""Events: landing → `core.events` and `core.rejected_events`.

Two passes over what landed: a narrow one over the ids, which finds the few that may be there twice,
and a wide one that writes whatever is beyond doubt. What is left is small.
"""

from functools import partial

from pyspark.sql import functions as F

from include.days import until
from include.landing import columns
from include.landing.batches import FILE_NUMBER
from include.quality.event_counts import event_counts
from spark_jobs.job import run_job
from spark_jobs.known import arrivals
from spark_jobs.sink import PART, part_of
from spark_jobs.transforms.categories import with_category
from spark_jobs.transforms.duplicates import (
    CONTENT,
    possible_duplicates,
    with_duplicates,
    with_suspicion,
)
from spark_jobs.transforms.events import with_parsed_event
from spark_jobs.transforms.raw_json import as_refused, raw_of
from spark_jobs.workspace import ACCEPTED, DUPLICATE, ERASED, REJECTED, Workspace

SUSPECTS_AT_ONCE = 2_000_000
"""Ids that every worker is asked to hold, and that are judged at a time: joins need memory. Of a
day that was delivered twice, every id is suspect."""
EVENTS, REFUSED = "core.events", "core.rejected_events"
ODD = "odd"
"""Rows that are refused, or may be duplicates."""


def build(work: Workspace) -> None:
    """Stage the events that arrived on the job's days."""
    rules, zone = work.config.events, work.settings.time_zone
    landed = work.landed("events", columns.EVENTS_LANDING, columns.EVENTS_REQUIRED)
    lookback = rules.duplicate_lookback_days
    # What was accepted on the job's own days before is replaced: it makes nothing a duplicate.
    known = (
        work.read(EVENTS, work.reach(EVENTS, EVENTS)).where(F.col("ingest_date") < work.days.first)
        if lookback
        else work.spark.createDataFrame([], work.contract(EVENTS).spark_schema())
    ).select("event_id", "ingest_date", *CONTENT)
    possible, count = work.keep("possible", possible_duplicates(landed.rows("event_id"), known))

    parsed = work.with_erased(with_parsed_event(landed.rows(), rules, zone))
    marked = with_suspicion(parsed, possible, is_small=count <= SUSPECTS_AT_ONCE)
    parts = 1 + count // SUSPECTS_AT_ONCE
    listings_reach = work.reach(EVENTS, "core.listings")
    listings = arrivals(work, "core.listings", listings_reach, work.days.first)
    is_refused = F.size("reasons") > 0
    kind = (
        F.when(F.col("is_erased"), ERASED)
        .when(is_refused | F.col("is_suspect"), ODD)
        .otherwise(ACCEPTED)
    )
    names = work.contract(EVENTS).column_names
    sorted_out = work.write(
        with_category(marked, listings).select(
            *names,
            F.when(is_refused, raw_of("landed")).alias("raw"),
            "reasons",
            FILE_NUMBER,
            kind.alias("_kind"),
            F.when(kind == ODD, part_of(["event_id"], parts)).alias(PART),
        ),
        {ACCEPTED: EVENTS, ODD: (*names, "raw", "reasons", FILE_NUMBER)},
    )
    written = [one for one in sorted_out if one.kind != ODD]
    for part in range(parts):
        odd = work.written_rows(sorted_out, ODD, part)
        suspects = with_duplicates(odd.where(~is_refused), known, lookback)
        refused = odd.where(is_refused).withColumn("is_duplicate", F.lit(False))
        judged = refused.unionByName(suspects)
        kind = (
            F.when(is_refused, REJECTED).when(F.col("is_duplicate"), DUPLICATE).otherwise(ACCEPTED)
        )
        written += work.write(
            as_refused(
                judged.select(
                    *names,
                    F.coalesce("raw", F.when(is_refused, raw_of(None))).alias("raw"),
                    "reasons",
                    FILE_NUMBER,
                    kind.alias("_kind"),
                ),
                landed.names,
            ),
            {ACCEPTED: EVENTS, REJECTED: REFUSED},
        )
    work.stage_written(REFUSED, written, REJECTED)
    users = arrivals(work, "core.users", until(work.days.last), work.days.first)
    first = users.groupBy("user_id").agg(F.min("ingest_date").alias("known_date"))
    counts = partial(event_counts, known=first.toArrow(), days=work.days, time_zone=zone)
    work.stage_written(EVENTS, written, ACCEPTED, counts)
    work.account("events", landed, written)


if __name__ == "__main__":
    run_job("events", [build])
