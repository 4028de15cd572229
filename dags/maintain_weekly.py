"""Upkeep: superseded predictions, old days, old snapshots, and files that nothing refers to.

    predictions.publication_* ──▶ dropped by age      lake snapshots ──▶ forgotten by age
    tables of killed attempts ──▶ dropped             staged files   ──▶ deleted, if nothing refers
    Data Docs, receipts, verdicts ──▶ by age          known_* of past Sundays ──▶ thinned

Runs on Sundays at 09:00. The ages stand in `warehouse.yaml` (`retention`); docs/runbook.md has a
table of what grows and what bounds it. A version that was superseded can be brought back for
`superseded_days`; the record of every publication stays for good. A file goes only if no snapshot
refers to it and its attempt is older than `staged_days`, so what is running, or waits at a gate for
a person, stays. Every task prints what it deleted, and may be killed, cleared, or run twice at
once.

**When it fails.** Nothing depends on it; clear it. If readers held the prediction table, it says
where to look for them.
"""

from airflow.sdk import CronTriggerTimetable, dag, task

from include.orchestration.defaults import SPARK_TIMEOUT, START, WEEKLY, default_args
from include.settings import settings


@dag(
    schedule=CronTriggerTimetable("0 9 * * 0", timezone=settings().time_zone),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(WEEKLY),
    tags=["upkeep", "tier:3"],
    doc_md=__doc__,
)
def maintain_weekly() -> None:
    """Wire the DAG."""

    @task(execution_timeout=SPARK_TIMEOUT)
    def maintain_warehouse() -> None:
        from include.predictions.retention import maintain_predictions

        maintain_predictions()

    @task(execution_timeout=SPARK_TIMEOUT)
    def maintain_lake() -> None:
        from include.lake.maintain import maintain_lake

        maintain_lake()

    maintain_warehouse()
    maintain_lake()

    if settings().airflow_upkeep:

        @task(execution_timeout=SPARK_TIMEOUT)
        def maintain_airflow() -> None:
            from include.embedded.upkeep import maintain_airflow

            maintain_airflow()

        maintain_airflow()


maintain_weekly()
