"""Runs of earlier days of the same DAG: a day is built from days before it.

Two scheduled runs may be active at once, Airflow's backfill passes over `max_active_runs`, and
days that are built again find the rows of days before them, those that are about to be replaced.
"""

from datetime import date, datetime, timedelta
from typing import Literal

from include.days import start_of
from include.settings import settings

UNDER_WAY = ["queued", "running"]
OTHERS = ("lake_history", "refresh")
"""DAGs that build days, too; their runs have no date of their own."""
LAST_TASK = "lake.publish"
OVER = {"success", "failed", "upstream_failed", "skipped", "removed"}
OF_A_DATE = ("scheduled__", "backfill__")
"""What the ids of runs begin with that have a date of their own."""


def earlier_runs(dag_id: str, day: str, days: int) -> str | None:
    """Wait for runs of days before: none of them is queued or running.

    A run that failed is waited for by nobody: the days after it become stale when it is repaired.

    Args:
        dag_id: The DAG.
        day: The data day of who asks.
        days: How many days before it.
    """
    count = count_runs(dag_id, _dates_before(day, days), UNDER_WAY)
    return f"{count} runs of {dag_id} for days before {day} are under way" if count else None


def who_builds(dag_id: str, day: str, days: int) -> Literal["running", "queued", "nobody"]:
    """Whether days before are being built: by runs of the DAG, or by something that has no date.

    Of the latter nobody knows which days they build, so they count whichever these are.

    Args:
        dag_id: The DAG.
        day: The data day of who asks.
        days: How many days before it.
    """
    before = _dates_before(day, days)
    if count_runs(dag_id, before, ["running"]):
        return "running"
    if any(count_runs(other, None, UNDER_WAY) for other in OTHERS) or is_run_by_hand(dag_id):
        return "running"
    return "queued" if count_runs(dag_id, before, UNDER_WAY) else "nobody"


def is_run_by_hand(dag_id: str) -> bool:
    """Whether a run of the DAG is under way that somebody triggered for a day; asks Airflow."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[LAST_TASK])
    return any(
        state not in OVER
        for run_id, tasks in states.items()
        if not run_id.startswith(OF_A_DATE)
        for state in tasks.values()
    )


def count_runs(dag_id: str, logical_dates: list[datetime] | None, states: list[str]) -> int:
    """How many runs of the dates, or at all, are in one of the states; asks Airflow."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.get_dr_count(
        dag_id=dag_id, logical_dates=logical_dates, states=states
    )


def _dates_before(day: str, days: int) -> list[datetime]:
    own, zone = date.fromisoformat(day), settings().time_zone
    return [start_of(own - timedelta(days=back), zone) for back in range(1, days + 1)]
