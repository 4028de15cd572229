"""The group that every lake table goes through: build → gate → publish."""

from airflow.sdk import TaskGroup, chain, task

from include.orchestration.assets import READS, WRITES
from include.orchestration.defaults import RUN, SPARK_POOL, SPARK_TIMEOUT, application
from include.orchestration.spark_job_operator import SparkJobOperator
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

    @task
    def gate(run: str) -> None:
        from include.lake.gate import gate

        gate(job, run)

    @task(outlets=list(WRITES[job]))
    def publish(run: str) -> None:
        from include.lake.publish import publish

        publish(job, run)

    with TaskGroup(group_id or job) as group:
        build = SparkJobOperator(
            task_id="build",
            application=application(job),
            application_args=[
                "--from-day", first_day, "--to-day", last_day, "--run", RUN, *sets,
            ],
            conn_id="spark_default",
            job=job,
            properties_file=str(settings().spark_properties_path),
            # A durable operator that finds its job done returns without doing the work when the
            # task is cleared (apache/airflow#71358).
            durable=False,
            verbose=False,
            pool=SPARK_POOL,
            execution_timeout=SPARK_TIMEOUT,
            inlets=list(READS[job]),
        )  # fmt: skip
        chain(build, gate(RUN), publish(RUN))
    return group
