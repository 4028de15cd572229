"""What all DAGs have in common."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule

from include.errors import GateError, PublishRefusedError, StaleError
from include.orchestration.night import NightTimetable
from include.settings import PROJECT, settings

SPARK_POOL = "spark"
"""One slot by default: two Spark applications on a laptop would share its memory and be slower."""
GPU_POOL = "gpu"
"""Training pods at once; as many slots as `kubernetes.yaml` says."""
POOLS = {
    SPARK_POOL: (1, "Spark applications at once on the embedded default"),
    GPU_POOL: (2, "Training pods at once"),
}
"""Slots and description by pool. A task whose pool is missing never starts, and says nothing."""

NO_DAY = "none"


def day_template(time_zone: str) -> str:
    """The template of a run's data day, where data days are those of a time zone."""
    return (
        "{{ params.get('day') or (data_interval_start.in_timezone('" + time_zone + "') | ds "
        "if data_interval_start is defined and data_interval_start else '" + NO_DAY + "') }}"
    )


DAY = day_template(settings().time_zone)
"""The data day D: the parameter `day`, else the start of the data interval.

A run that a person triggers has no data interval, or the day before now; so they say which day they
mean. `ds` is a day later in manual runs than in scheduled ones, and nobody uses it.
"""


def day_param() -> Param:
    """The parameter `day` of every DAG that works on a data day."""
    return Param(
        None, type=["null", "string"], format="date",
        title="Data day, for a run that is triggered by hand; empty: the schedule's",
    )  # fmt: skip


RUN = "{{ dag.dag_id }}/{{ run_id }}"
"""Names the receipts of a run; in every attempt the same."""

NIGHTLY, WEEKLY, ON_DEMAND = 100, 10, 1
"""Weights of tasks. Of what waits for a Spark slot, the night's starts first; a load of history
that is under way isn't interrupted, so a long one is loaded in parts."""


OWNER = "data-platform"
"""Of every task; whose tasks the listener reports on."""


def default_args(priority_weight: int) -> dict[str, Any]:
    """What every task of a DAG gets, unless it says otherwise.

    Args:
        priority_weight: `NIGHTLY`, `WEEKLY` or `ON_DEMAND`.
    """
    return {
        "owner": OWNER,
        # Most failures at night are a database or an object store that is away for a moment.
        "retries": 2,
        "retry_delay": timedelta(minutes=2),
        "retry_policy": ExceptionRetryPolicy(
            rules=[
                RetryRule(
                    exception=[GateError, PublishRefusedError, StaleError],
                    action=RetryAction.FAIL,
                    reason="the same rows would be refused again: only a person can help",
                )
            ]
        ),
        "execution_timeout": timedelta(minutes=20),
        "priority_weight": priority_weight,
        # By default a task weighs as much as all that comes after it, and a long DAG would win.
        "weight_rule": "absolute",
    }


START = datetime(1970, 1, 1, tzinfo=UTC)
"""Of every DAG. Airflow skips days before it in silence; which days there are, the data says."""

SPARK_TIMEOUT = timedelta(hours=3)
"""A year of history of a small market takes minutes, a day of a large one an hour."""


def landing_deadline() -> timedelta:
    """How long a night waits for its landing files; the other waits follow from it."""
    return timedelta(hours=settings().landing_deadline_hours)


def lake_deadline() -> timedelta:
    """How long to wait for what `lake_daily` makes: it may wait itself, and then build."""
    return landing_deadline() + SPARK_TIMEOUT


def run_timeout() -> timedelta:
    """When a run of `lake_daily` is given up: Airflow says nothing then, so tasks go first."""
    return landing_deadline() + 3 * SPARK_TIMEOUT


def night() -> NightTimetable:
    """When `lake_daily` runs: every night, and after an outage for the nights that it left out."""
    return NightTimetable(settings().time_zone, settings().catch_up_days)


def application(job: str) -> str:
    """Path of a Spark job's file."""
    return str(PROJECT / "spark_jobs" / f"{job}.py")


def triggered_by(dag_run: Any) -> str:
    """Who asked for a run: a person where Airflow knows one, else the run's id."""
    return getattr(dag_run, "triggering_user_name", None) or f"run {dag_run.run_id}"
