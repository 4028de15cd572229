"""The group that every lake table goes through: build → gate → publish."""

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import TaskGroup, chain, task
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration import lake_tasks
from include.orchestration.defaults import RUN, SPARK_POOL, SPARK_TIMEOUT, application
from include.settings import settings


def build_gate_publish(
    job: str,
    first_day: str,
    last_day: str,
    parameters: dict[str, str] | None = None,
    group_id: str | None = None,
) -> TaskGroup:
    """Build a job's tables, judge them, and make them visible; in that order and not otherwise.

    Args:
        job: File in `spark_jobs/` without `.py`.
        first_day: First data day; a template.
        last_day: Last data day; a template.
        parameters: More parameters of the job; templates.
        group_id: Id of the group; default: the job's name.
    """
    sets = [
        part for key, value in (parameters or {}).items() for part in ("--set", f"{key}={value}")
    ]

    @task(retries=2)
    def gate(run: str) -> None:
        from include.errors import GateError

        try:
            lake_tasks.gate(job, run)
        except GateError as error:
            # The same files would fail the same way: only a person can help.
            raise AirflowFailException(str(error)) from None

    @task
    def publish(run: str) -> None:
        lake_tasks.publish(job, run)

    with TaskGroup(group_id or job) as group:
        build = SparkSubmitOperator(
            task_id="build",
            application=application(job),
            application_args=[
                "--from-day", first_day, "--to-day", last_day, "--run", RUN, *sets,
            ],
            conn_id="spark_default",
            name=job,
            properties_file=str(settings().spark_properties_path),
            # A durable operator that finds its job done returns without doing the work when the
            # task is cleared (apache/airflow#71358).
            durable=False,
            verbose=False,
            pool=SPARK_POOL,
            execution_timeout=SPARK_TIMEOUT,
        )  # fmt: skip
        chain(build, gate(RUN), publish(RUN))
    return group
