"""A range of days in one pass: the first load, or a rebuild after a correction.

    landing/*/date=from..to ──build──▶ core.*, features.* ──gate──▶ publish

Triggered by hand with `from_date` and `to_date` (both included; there are no defaults):

    airflow dags trigger lake_history -c '{"from_date": "2017-01-01", "to_date": "2017-12-24"}'

It runs the same transforms as `lake_daily`; each table's partitions of the range are replaced in
one commit. Features are built for the last day and for the weekly snapshot dates before it that
training uses; `lake_daily` builds them for every day. Where a rebuild changes rows, what was made
from them is stale (features of the other days, days after the range) until `refresh` has built it
again. The range should follow on what is there: it isn't checked that no day before it is missing,
but a day that comes later makes those after it stale.

It holds the only Spark slot until it is built; a task of the night waits for that. Load a long
history in parts, oldest first: between them the night goes first.

**When it fails.** As `lake_daily`, for the whole range: nothing is committed before all of it
passed its gate. A broken file is named; remove or repair it, then clear `build`. If Spark runs out
of memory, raise `PROPENSITY_SPARK_DRIVER_MEMORY` or load the range in parts, oldest first.
"""

from airflow.sdk import Param, chain, dag, task

from include.orchestration.assets import CONTACTS
from include.orchestration.defaults import ON_DEMAND, default_args
from include.orchestration.groups import build_gate_publish

FIRST, LAST = "{{ params.from_date }}", "{{ params.to_date }}"


@dag(
    schedule=None,
    max_active_runs=1,  # two ranges at once could overlap
    default_args=default_args(ON_DEMAND),
    params={
        "from_date": Param(type="string", format="date", title="First day"),
        "to_date": Param(type="string", format="date", title="Last day, included"),
    },
    tags=["lake", "on-demand"],
    doc_md=__doc__,
)
def lake_history() -> None:
    """Wire the DAG."""

    @task(outlets=[CONTACTS])
    def contacts(first_day: str, last_day: str) -> None:
        from include.audience.contacts import load_contacts

        load_contacts(first_day, last_day)

    chain(build_gate_publish("lake_days", FIRST, LAST, group_id="lake"), contacts(FIRST, LAST))


lake_history()
