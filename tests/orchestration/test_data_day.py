"""Which day a run works on: one rule, for schedules, backfills and runs that people trigger."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from include.days import start_of
from include.lake import readiness
from include.orchestration import earlier_runs
from include.orchestration.defaults import DAY, NO_DAY, day_param, day_template
from include.orchestration.night import DataDayTimetable
from include.orchestration.task_state_listener import _data_day
from include.orchestration.waits import WaitUntilReady
from include.settings import settings

START = pendulum.datetime(2026, 3, 10)
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


@pytest.fixture
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Whatever the environment says during the test, nobody after it is told."""
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo", "Pacific/Kiritimati"])
def test_the_day_is_the_one_of_the_markets_midnight(
    zone: str, fresh_settings: pytest.MonkeyPatch
) -> None:
    """Tokyo's 10 March begins at 15:00 UTC on the 9th; Airflow tells moments in UTC."""
    start = pendulum.instance(start_of(date(2026, 3, 10), zone)).in_timezone("UTC")
    with DAG("any", schedule=None, params={"day": day_param()}) as dag:
        task = BaseOperator(task_id="any")
    context = {"data_interval_start": start, "params": {"day": None}}
    template = day_template(zone)
    assert task.render_template(template, context, dag.get_template_env()) == "2026-03-10"
    fresh_settings.setenv("PROPENSITY_TIME_ZONE", zone)
    settings.cache_clear()
    run = SimpleNamespace(conf={}, data_interval_start=start)
    assert _data_day(SimpleNamespace(dag_run=run)) == date(2026, 3, 10)
    days = DataDayTimetable(zone)
    nights = days.infer_manual_data_interval(run_after=start.add(hours=30))
    assert (nights.start, nights.end) == (start, start.add(days=1))
    asked: list[datetime] = []
    fresh_settings.setattr(
        earlier_runs, "count_runs", lambda _, dates, __: asked.extend(dates) or len(dates)
    )
    assert earlier_runs.earlier_runs("lake_daily", "2026-03-10", 1)
    assert asked == [start.subtract(days=1)]


def test_a_run_without_a_day_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "landed", lambda day: pytest.fail(f"asked for {day}"))
    task = WaitUntilReady(task_id="wait", check="landed", arguments={"day": NO_DAY},
                          deadline=timedelta(hours=12))  # fmt: skip
    with pytest.raises(AirflowFailException, match="trigger it again with the parameter day"):
        task.execute({})
