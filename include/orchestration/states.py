"""Tell the warehouse what each task of a data day does: `predictions.freshness` says why.

Consumers can't look into Airflow. What they read must survive Airflow being down, too.
"""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

MAX_DETAIL = 500


def on_execute(context: Mapping[str, Any]) -> None:
    """The task started."""
    record(context, "running", "")


def on_retry(context: Mapping[str, Any]) -> None:
    """The task failed and will be tried again."""
    record(context, "retrying", _reason(context))


def on_failure(context: Mapping[str, Any]) -> None:
    """The task failed for good."""
    record(context, "failed", _reason(context))


def record(context: Mapping[str, Any], state: str, detail: str) -> None:
    """Store a task's state. Never fails the task: a report isn't worth a night's run."""
    day = context.get("data_interval_start")
    if day is None:
        return
    try:
        from datetime import UTC, datetime

        from include.settings import settings
        from include.warehouse.consumer_models import TaskState
        from include.warehouse.engine import engine
        from include.warehouse.upsert import upsert

        task = context["ti"]
        row = {
            "dag_id": task.dag_id, "data_day": day.date(), "task_id": task.task_id, "state": state,
            "detail": detail[:MAX_DETAIL], "changed_at": datetime.now(UTC),
        }  # fmt: skip
        with engine(settings()).begin() as connection:
            upsert(connection, TaskState, [row])
    except Exception as error:
        log.warning("the state %s could not be stored: %s", state, error)


def _reason(context: Mapping[str, Any]) -> str:
    """The first paragraph of what went wrong."""
    error = context.get("exception")
    return " ".join(str(error or "no reason given").split("\n\n")[0].split())
