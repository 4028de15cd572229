"""Run a Spark job; if it fails, with the sentence that the job left instead of an exit code."""

import os
import sys
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException


class SparkJobOperator(SparkSubmitOperator):
    """A job of `spark_jobs/`: submitted to Apache Spark, or run here where Sail is the engine.

    What can't succeed (a broken file, a rule that doesn't hold) fails at once; the rest (a worker
    lost, memory, a database away) may be tried again.

    Args:
        job: The job's file without `.py`.
    """

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(name=job, **kwargs)
        self.job = job
        self._process: SubprocessHook | None = None

    def execute(self, context: Context) -> None:
        """Run the job and wait.

        Raises:
            AirflowFailException: The job's own sentence; only a person can help.
            AirflowException: The job's own sentence, or its exit code's if it left none.
        """
        from include.lake.failures import failure_uri, read_failure
        from include.settings import settings

        uri = failure_uri(settings(), f"{self.dag_id}/{context['run_id']}", self.job)
        earlier = read_failure(uri)  # why another attempt failed isn't why this one does
        try:
            if settings().spark_engine == "sail":
                self._run_here()
            else:
                super().execute(context)
        except AirflowException:
            failure = read_failure(uri)
            if failure is None or failure == earlier:
                raise
            kind = AirflowFailException if failure.is_final else AirflowException
            raise kind(failure.sentence) from None

    def on_kill(self) -> None:
        """End the job with its task."""
        if self._process:
            self._process.send_sigterm()
        else:
            super().on_kill()

    def _run_here(self) -> None:
        # The rendered arguments are the same as those of spark-submit.
        module = Path(self.application or "")
        command = [sys.executable, "-u", "-m", f"{module.parent.name}.{module.stem}"]
        command += [str(argument) for argument in self.application_args or []]
        self._process = SubprocessHook()
        ended = self._process.run_command(
            command, env=dict(os.environ), cwd=str(module.parent.parent)
        )
        if ended.exit_code:
            raise AirflowException(f"{self.job} ended with exit code {ended.exit_code}")
