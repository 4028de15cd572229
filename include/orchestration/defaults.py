"""What all DAGs have in common."""

from datetime import timedelta
from typing import Any

from include.orchestration.states import on_execute, on_failure, on_retry
from include.settings import PROJECT

SPARK_POOL = "spark"
"""One slot by default: two Spark applications on a laptop would share its memory and be slower."""
GPU_POOL = "gpu"
"""Training pods at once; as many slots as `kubernetes.yaml` says."""
POOLS = {
    SPARK_POOL: (1, "Spark applications at once on the embedded default"),
    GPU_POOL: (2, "Training pods at once"),
}
"""Slots and description by pool. A task whose pool is missing never starts, and says nothing."""

DAY = "{{ data_interval_start | ds }}"
"""The data day D. `ds` is a day later in manual runs than in scheduled ones; this is not."""
RUN = "{{ dag.dag_id }}/{{ run_id }}"
"""Names the receipts of a run; in every attempt the same."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "data-platform",
    # Most failures at night are a database or an object store that is away for a moment.
    "retries": 2,
    "retry_delay": timedelta(minutes=2),
    "execution_timeout": timedelta(minutes=20),
    "on_execute_callback": on_execute,
    "on_retry_callback": on_retry,
    "on_failure_callback": on_failure,
}

SPARK_TIMEOUT = timedelta(hours=3)
"""A year of history of a small market takes minutes, a day of a large one an hour."""


def application(job: str) -> str:
    """Path of a Spark job's file."""
    return str(PROJECT / "spark_jobs" / f"{job}.py")
