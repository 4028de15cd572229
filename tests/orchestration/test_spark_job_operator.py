"""A Spark job that fails says so in its own sentence, and only what may succeed is tried again."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from include.days import Days
from include.lake.failures import Failure, failure_uri, write_failure
from include.lake.receipts import read_receipt, receipt_uri
from include.orchestration.spark_job_operator import SparkJobOperator
from include.settings import PROJECT, Settings, settings

SUBMIT = "Cannot execute: ['spark-submit', '--master', 'local[*]', ...]. Error code is: 1."
CONTEXT: Any = {"run_id": "scheduled__2026-03-10"}


@pytest.fixture
def on_spark(place: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPENSITY_SPARK_ENGINE", "spark")
    settings.cache_clear()


@pytest.fixture
def job(
    on_spark: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Failure | None], SparkJobOperator]:
    """A task whose job fails, with or without leaving word."""

    def made(failure: Failure | None) -> SparkJobOperator:
        def submits(self: SparkJobOperator, context: Any) -> None:
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


@pytest.fixture
def on_sail(place: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPENSITY_SPARK_ENGINE", "sail")
    # Of the process that the task starts, too.
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    settings.cache_clear()


def of_day(day: str) -> SparkJobOperator:
    with DAG("lake_daily", schedule=None):
        return SparkJobOperator(
            task_id="build",
            job="dimensions",
            application=str(PROJECT / "spark_jobs" / "dimensions.py"),
            application_args=["--from-day", day, "--to-day", day, "--run", f"lake_daily/{RUN}"],
        )


RUN = CONTEXT["run_id"]


def test_where_sail_is_the_engine_the_task_runs_the_job_itself(on_sail: None) -> None:
    chosen = settings()
    for table in ("users", "listings"):
        folder = Path(chosen.landing_uri) / table / "date=2026-03-10"
        folder.mkdir(parents=True)
        (folder / "_SUCCESS").touch()
    of_day("2026-03-10").execute(CONTEXT)
    receipt = read_receipt(receipt_uri(chosen, f"lake_daily/{RUN}", "dimensions"))
    assert receipt.days == Days(date(2026, 3, 10), date(2026, 3, 10))


def test_a_job_that_failed_here_leaves_its_sentence_too(on_sail: None) -> None:
    with pytest.raises(AirflowFailException, match=r"users/date=2026-03-11 has no _SUCCESS"):
        of_day("2026-03-11").execute(CONTEXT)
