"""Submit a Spark job; if it fails, with the sentence that the job left instead of an exit code."""

from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException


class SparkJobOperator(SparkSubmitOperator):
    """A job of `spark_jobs/`.

    What can't succeed (a broken file, a rule that doesn't hold) fails at once; the rest (a worker
    lost, memory, a database away) may be tried again.

    Args:
        job: The job's file without `.py`.
    """

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(name=job, **kwargs)
        self.job = job

    def execute(self, context: Context) -> None:
        """Submit and wait.

        Raises:
            AirflowFailException: The job's own sentence; only a person can help.
            AirflowException: The job's own sentence, or spark-submit's if it left none.
        """
        from include.lake.failures import failure_uri, forget_failure, read_failure
        from include.settings import settings

        uri = failure_uri(settings(), f"{self.dag_id}/{context['run_id']}", self.job)
        forget_failure(uri)
        try:
            super().execute(context)
        except AirflowException:
            failure = read_failure(uri)
            if failure is None:
                raise
            kind = AirflowFailException if failure.is_final else AirflowException
            raise kind(failure.sentence) from None
