"""Erase one user: contact data at once, then their rows from the lake and from every prediction.

    pii.contacts ──▶ core.*, features.*, training.*, scores.* ──▶ predictions.* ──▶ pii.erasures
      (seconds)        (rewritten; old snapshots forgotten)                          (the report)

    airflow dags trigger erase_user -c '{"user_id": 895, "requested_by": "privacy desk, #123"}'

From the first task on the user is on a list that every job and every load of contacts leaves out,
so later runs and backfills don't bring them back; their landed rows are counted as `erased` in
`analytics.ingest_accounting`. What was built before and isn't published yet is refused when it is
to be published: clear its `build`. Snapshots older than this run can't be read any more, so a
training that is running may have to be cleared. Models learnt from the user's rows, among others';
they hold none and stay. The landing zone is its source's to clean. The report stands in
`pii.erasures`: rows, snapshots and files removed, by place. Repeating it is safe.

**When it fails.** `erase_contact` has to run before anything else is promised to the user; clear
it. `erase_lake`: a table got rows of the user while it was rewritten; clear it when lake_daily is
through. `erase_warehouse`: clear it.
"""

from typing import Any

from airflow.sdk import Param, chain, dag, get_current_context, task

from include.orchestration.defaults import ON_DEMAND, SPARK_POOL, SPARK_TIMEOUT, default_args


@dag(
    schedule=None,
    max_active_runs=1,
    default_args=default_args(ON_DEMAND),
    params={
        "user_id": Param(type="integer", minimum=0, title="User"),
        "requested_by": Param(type="string", minLength=3, title="Who asked for it, or the ticket"),
    },
    tags=["privacy", "on-demand"],
    doc_md=__doc__,
)
def erase_user() -> None:
    """Wire the DAG."""

    @task
    def erase_contact() -> int:
        from include.audience.erasure import erase_contact

        params = get_current_context()["params"]
        return erase_contact(params["user_id"], params["requested_by"])

    # In Spark's pool: no build starts that would read what this deletes.
    @task(pool=SPARK_POOL, execution_timeout=SPARK_TIMEOUT)
    def erase_lake() -> dict[str, Any]:
        from include.audience.erasure import erase_lake

        return erase_lake(get_current_context()["params"]["user_id"])

    @task(execution_timeout=SPARK_TIMEOUT)
    def erase_warehouse(contacts: int, lake: dict[str, Any]) -> None:
        from include.audience.erasure import erase_warehouse

        erase_warehouse(get_current_context()["params"]["user_id"], contacts, lake)

    contacts = erase_contact()
    lake = erase_lake()
    chain(contacts, lake)
    erase_warehouse(contacts, lake)


erase_user()
