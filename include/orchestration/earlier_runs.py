"""Runs of earlier days of the same DAG: a day is built from days before it.

Two scheduled runs may be active at once, Airflow's backfill passes over `max_active_runs`, and
days that are built again find the rows of days before them, those that are about to be replaced.
"""

from datetime import date, datetime, timedelta

from include.days import start_of
from include.settings import settings

UNDER_WAY = ["queued", "running"]


def earlier_runs(dag_id: str, day: str, days: int) -> str | None:
    """Wait for runs of days before: none of them is queued or running.

    A run that failed is waited for by nobody: the days after it become stale when it is repaired.

    Args:
        dag_id: The DAG.
        day: The data day of who asks.
        days: How many days before it.
    """
    own, zone = date.fromisoformat(day), settings().time_zone
    before = [start_of(own - timedelta(days=back), zone) for back in range(1, days + 1)]
    count = count_runs(dag_id, before)
    return f"{count} runs of {dag_id} for days before {day} are under way" if count else None


def count_runs(dag_id: str, logical_dates: list[datetime]) -> int:
    """How many runs of the dates are queued or running; asks Airflow."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.get_dr_count(
        dag_id=dag_id, logical_dates=logical_dates, states=UNDER_WAY
    )
