"""A Spark job that fails says so in its own sentence, and only what may succeed is tried again."""

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from include.lake.failures import Failure, failure_uri, write_failure
from include.orchestration.spark_job_operator import SparkJobOperator
from include.settings import Settings

SUBMIT = "Cannot execute: ['spark-submit', '--master', 'local[*]', ...]. Error code is: 1."
CONTEXT: Any = {"run_id": "scheduled__2026-03-10"}


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Callable[[Failure | None], SparkJobOperator]:
    """A task whose job fails, with or without leaving word."""

    def made(failure: Failure | None) -> SparkJobOperator:
        def submits(self: SparkJobOperator, context: Any) -> None:
            from include.settings import settings

            if failure:
                run = f"{self.dag_id}/{context['run_id']}"
                write_failure(failure_uri(settings(), run, "lake_days"), failure)
            raise AirflowException(SUBMIT)

        monkeypatch.setattr(SparkSubmitOperator, "execute", submits)
        with DAG("lake_daily", schedule=None):
            return SparkJobOperator(task_id="build", job="lake_days", application="x.py")

    return made


BROKEN = "events/date=2026-03-10/e.csv.gz: can't be unpacked to its end"


def test_what_nobody_but_a_person_can_mend_fails_at_once(place: Settings, job: Any) -> None:
    task = job(Failure(attempt="a", sentence=BROKEN, is_final=True))
    with pytest.raises(AirflowFailException) as failed:
        task.execute(CONTEXT)
    assert str(failed.value) == BROKEN


def test_what_may_succeed_later_is_tried_again(place: Settings, job: Any) -> None:
    task = job(Failure(attempt="a", sentence="OutOfMemoryError: heap", is_final=False))
    with pytest.raises(AirflowException, match=r"^OutOfMemoryError: heap$") as failed:
        task.execute(CONTEXT)
    assert not isinstance(failed.value, AirflowFailException)


def test_a_job_that_was_killed_does_not_say_what_an_earlier_attempt_said(
    place: Settings, job: Any
) -> None:
    with pytest.raises(AirflowFailException):
        job(Failure(attempt="a", sentence=BROKEN, is_final=True)).execute(CONTEXT)
    with pytest.raises(AirflowException, match="Error code is: 1") as failed:
        job(None).execute(CONTEXT)
    assert not isinstance(failed.value, AirflowFailException)
