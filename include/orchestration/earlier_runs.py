"""Runs of earlier days of the same DAG: a day is built from days before it.

Two scheduled runs may be active at once, Airflow's backfill passes over `max_active_runs`, and
days that are built again find the rows of days before them, those that are about to be replaced.
"""

from datetime import date, datetime, timedelta
from typing import Literal

from include.days import start_of
from include.settings import settings

UNDER_WAY = ["queued", "running"]
HISTORY = "lake_history"
"""The DAG that builds many days; its runs have no date of their own."""


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
    """Whether days before are being built, by runs of the DAG or a load of history.

    Args:
        dag_id: The DAG.
        day: The data day of who asks.
        days: How many days before it.
    """
    before = _dates_before(day, days)
    if count_runs(dag_id, before, ["running"]) or count_runs(HISTORY, None, UNDER_WAY):
        return "running"
    return "queued" if count_runs(dag_id, before, UNDER_WAY) else "nobody"


def count_runs(dag_id: str, logical_dates: list[datetime] | None, states: list[str]) -> int:
    """How many runs of the dates, or at all, are in one of the states; asks Airflow."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.get_dr_count(
        dag_id=dag_id, logical_dates=logical_dates, states=states
    )


def _dates_before(day: str, days: int) -> list[datetime]:
    own, zone = date.fromisoformat(day), settings().time_zone
    return [start_of(own - timedelta(days=back), zone) for back in range(1, days + 1)]
