"""A listener: tells the warehouse what each task of a data day does.

Airflow calls it in the task's process and, for a task whose process was killed, in the scheduler's.
"""

import logging
from datetime import date
from typing import Any

from airflow.listeners import hookimpl
from airflow.sdk import TaskInstanceState
from airflow.sdk.exceptions import AirflowException

from include.days import day_of
from include.errors import PipelineError, StoreAwayError
from include.orchestration.defaults import OWNER
from include.settings import settings
from include.store_errors import store_error

log = logging.getLogger(__name__)


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:
    """The task started."""
    record(task_instance, "running", "")


@hookimpl
def on_task_instance_failed(
    previous_state: Any,
    task_instance: Any,
    error: Any,
) -> None:
    """The task failed, for good or to be tried again."""
    is_retried = task_instance.state == TaskInstanceState.UP_FOR_RETRY
    said = str(error or "no reason given")
    # What our own errors say is a sentence already, and may quote what a source wrote.
    ours = PipelineError | StoreAwayError | AirflowException
    is_ours = not isinstance(error, Exception) or isinstance(error, ours)
    told = said if is_ours else store_error(said) or said
    record(task_instance, "retrying" if is_retried else "failed", told)


def record(task_instance: Any, state: str, detail: str) -> None:
    """Store a task's state. Never fails the task: a report isn't worth a night's run.

    Args:
        task_instance: Airflow's: the running task's own, or the scheduler's row.
        state: `running`, `waiting`, `retrying` or `failed`.
        detail: What it waits for, or why it failed.
    """
    try:
        task = getattr(task_instance, "task", None)
        if task is not None and task.owner != OWNER:
            return  # somebody else's DAG in the same Airflow
        day = _data_day(task_instance)
        if day is None:
            return
        from include.database.engine import engine
        from include.predictions.task_states import store
        from include.settings import settings

        with engine(settings()).begin() as connection:
            store(
                connection,
                dag_id=task_instance.dag_id,
                data_day=day,
                task_id=task_instance.task_id,
                map_index=-1 if task_instance.map_index is None else task_instance.map_index,
                state=state,
                detail=detail,
            )
    except Exception as error:
        log.warning("the state %s could not be stored: %s", state, error)


def _data_day(task_instance: Any) -> date | None:
    """The run's data day, as `defaults.DAY` has it; None where a run has none."""
    if hasattr(task_instance, "get_template_context") and not hasattr(task_instance, "dag_run"):
        context = task_instance.get_template_context()
        run, start = context.get("dag_run"), context.get("data_interval_start")
    else:
        run = task_instance.dag_run
        start = run.data_interval_start
    given = (getattr(run, "conf", None) or {}).get("day")
    if given:
        return date.fromisoformat(given)
    return day_of(start, settings().time_zone) if start else None
