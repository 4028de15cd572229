"""Build again what was made from something that has changed since; exactly that, oldest first.

    analytics.stale_partitions ──▶ events ──▶ daily_activity ──▶ features ──▶ score_daily of a day
                                 (each: build ──gate──▶ publish)            (if `predictions`)

    airflow dags trigger refresh                                # lists what it would build
    airflow dags trigger refresh -c '{"dry_run": false}'
    airflow dags trigger refresh -c '{"dry_run": false, "predictions": true}'

After a correction of a day, or a day that came late: later days looked at its events for
duplicates, took the categories of its listings, and count its visits for a year. The ledger knows
what each partition was made from; `select * from analytics.stale_partitions` says what
`list_stale` logs. As long as a day is stale, `score_daily`, `train_weekly` and later days of
`lake_daily` wait for it.

After a campaign on a new category: the features of the newest day and of the Sundays that training
reads say nothing of it yet, and `score_daily` and `train_weekly` refuse them. They are made again,
too.

A job builds all its stale days in one pass. Rows that come out as they were are not committed, and
what was made from them isn't stale any more; so the list of a dry run is the most that can happen.
With `predictions`, `score_daily` runs for each published day whose scores are stale.

**When it fails.** `build`, `gate`, `publish`: as in `lake_daily`. Nothing is half: what is left to
do is stale still. Trigger it again, or clear the task.
"""

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Param, TriggerRule, chain, dag, task

from include.contracts.lineage import JOBS
from include.orchestration.defaults import ON_DEMAND, SPARK_TIMEOUT, default_args
from include.orchestration.groups import build_gate_publish


@dag(
    schedule=None,
    max_active_runs=1,
    default_args=default_args(ON_DEMAND),
    params={
        "dry_run": Param(True, type="boolean", title="Only list what would be built"),
        "predictions": Param(False, type="boolean", title="Score and publish stale days again"),
    },
    tags=["lake", "on-demand"],
    doc_md=__doc__,
)
def refresh() -> None:
    """Wire the DAG."""

    @task
    def list_stale() -> list[str]:
        from include.lake.refresh import list_stale

        return list_stale()

    @task.short_circuit
    def is_wanted(dry_run: str) -> bool:
        return dry_run == "False"

    # After a job that had nothing to do, the next one may have.
    @task.short_circuit(trigger_rule=TriggerRule.NONE_FAILED, ignore_downstream_trigger_rules=False)
    def stale_days(job: str) -> dict[str, str]:
        from include.lake.refresh import stale_days

        return stale_days(job)

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def stale_publications(is_asked: str) -> list[dict[str, str]]:
        from include.lake.refresh import stale_publications

        return [{"day": day} for day in stale_publications()] if is_asked == "True" else []

    before = is_wanted("{{ params.dry_run }}")
    chain(list_stale(), before)
    for job in JOBS:
        days = stale_days.override(task_id=f"stale_{job}")(job)
        group = build_gate_publish(
            job,
            f"{days['first_day']}",
            f"{days['last_day']}",
            parameters={"feature_dates": f"{days['dates']}"} if job == "features" else None,
        )
        chain(before, days, group)
        before = group
    again = stale_publications("{{ params.predictions }}")
    score = TriggerDagRunOperator.partial(
        task_id="score",
        trigger_dag_id="score_daily",
        wait_for_completion=True,
        deferrable=True,
        execution_timeout=SPARK_TIMEOUT,
    ).expand(conf=again)
    chain(before, again, score)


refresh()
