"""A range of days in one pass: the first load, or a rebuild after a correction.

    landing/*/date=from..to ──build──▶ core.*, features.* ──gate──▶ publish

Triggered by hand with `from_date` and `to_date` (both included):

    airflow dags trigger lake_history -c '{"from_date": "2017-01-01", "to_date": "2017-12-24"}'

It runs the same transforms as `lake_daily`, and what both build is equal: each table's partitions
of the range are replaced in one commit. Features are built for the last day and for the weekly
snapshots before it that training uses; `lake_daily` builds them for every day.

**When it fails.** As `lake_daily`, for the whole range: nothing is committed before all of it
passed its gate. A broken file is named; remove or repair it, then clear `build`. If Spark runs out
of memory, raise `PROPENSITY_SPARK_DRIVER_MEMORY` or load the range in parts, oldest first.
"""

from airflow.sdk import Param, chain, dag, task

from include.orchestration import lake_tasks
from include.orchestration.defaults import DEFAULT_ARGS
from include.orchestration.groups import build_gate_publish

FIRST, LAST = "{{ params.from_date }}", "{{ params.to_date }}"


@dag(
    schedule=None,
    max_active_runs=1,  # two ranges at once could overlap
    default_args=DEFAULT_ARGS,
    params={
        "from_date": Param("2017-01-01", type="string", format="date", title="First day"),
        "to_date": Param("2017-12-24", type="string", format="date", title="Last day, included"),
    },
    tags=["lake", "on-demand"],
    doc_md=__doc__,
)
def lake_history() -> None:
    """Wire the DAG."""

    @task
    def contacts(first_day: str, last_day: str) -> None:
        lake_tasks.load_contacts(first_day, last_day)

    chain(build_gate_publish("lake_days", FIRST, LAST, group_id="lake"), contacts(FIRST, LAST))


lake_history()
