"""Which day a run works on: one rule, for schedules, backfills and runs that people trigger."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from include.lake import readiness
from include.orchestration.defaults import DAY, NO_DAY, day_param
from include.orchestration.task_state_listener import _data_day
from include.orchestration.waits import WaitUntilReady

START = datetime(2026, 3, 10, tzinfo=UTC)
GIVEN = {"day": "2026-03-01"}

# What Airflow puts into a context, and the day that follows.
RUNS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "scheduled, or backfilled": ({"data_interval_start": START}, {}, "2026-03-10"),
    "triggered in the UI, for a moment": ({"data_interval_start": START}, GIVEN, "2026-03-01"),
    "triggered on the command line": ({}, GIVEN, "2026-03-01"),
    "triggered by the API without dates": ({"data_interval_start": None}, GIVEN, "2026-03-01"),
    "triggered without a day": ({}, {}, NO_DAY),
    "triggered without a day by the API": ({"data_interval_start": None}, {}, NO_DAY),
}


@pytest.mark.parametrize(("context", "conf", "day"), RUNS.values(), ids=RUNS)
def test_tasks_and_reports_agree_on_the_day(
    context: dict[str, Any], conf: dict[str, Any], day: str
) -> None:
    with DAG("any", schedule=None, params={"day": day_param()}) as dag:
        task = BaseOperator(task_id="any")
    params = {"day": None} | conf
    assert task.render_template(DAY, {**context, "params": params}, dag.get_template_env()) == day
    run = SimpleNamespace(conf=conf, data_interval_start=context.get("data_interval_start"))
    for instance in (
        SimpleNamespace(dag_run=run),  # the scheduler's row
        SimpleNamespace(get_template_context=lambda: {**context, "dag_run": run}),  # the task's own
    ):
        assert _data_day(instance) == (None if day == NO_DAY else date.fromisoformat(day))


def test_a_run_without_a_day_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "landed", lambda day: pytest.fail(f"asked for {day}"))
    task = WaitUntilReady(task_id="wait", check="landed", arguments={"day": NO_DAY},
                          deadline=timedelta(hours=12))  # fmt: skip
    with pytest.raises(AirflowFailException, match="trigger it again with the parameter day"):
        task.execute({})
