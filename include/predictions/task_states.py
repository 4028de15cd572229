"""What each task of a data day does: where `predictions.freshness` gets its reasons.

Consumers can't look into Airflow. What they read must survive Airflow being down, too.
"""

from datetime import UTC, date, datetime

from sqlalchemy import Connection

from include.database.tables.tasks import TaskState
from include.database.upsert import upsert

MAX_DETAIL = 500


def store(
    connection: Connection,
    *,
    dag_id: str,
    data_day: date,
    task_id: str,
    map_index: int,
    state: str,
    detail: str,
) -> None:
    """Store a task's newest state.

    Args:
        connection: The warehouse.
        dag_id: The DAG.
        data_day: The day that the run works on.
        task_id: The task.
        map_index: Which of a mapped task's instances; -1 for a task that isn't mapped.
        state: `running`, `waiting`, `retrying` or `failed`.
        detail: What it waits for, or why it failed; the first paragraph is kept.
    """
    first_paragraph = " ".join(detail.split("\n\n")[0].split())
    row = {
        "dag_id": dag_id, "data_day": data_day, "task_id": task_id, "map_index": map_index,
        "state": state, "detail": first_paragraph[:MAX_DETAIL], "changed_at": datetime.now(UTC),
    }  # fmt: skip
    upsert(connection, TaskState, [row])
