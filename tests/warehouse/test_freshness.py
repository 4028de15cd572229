"""`predictions.freshness`: one row, whatever happened, and it says why."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.orchestration import states
from include.settings import Settings
from include.warehouse.engine import engine
from include.warehouse.revert import WITHDRAW, revert
from tests.warehouse.score_rows import go, query, scores


@pytest.fixture
def expected(place: Settings) -> date:
    """The newest day that is due, an hour ago."""
    now = datetime.now(UTC)
    hours = max(now.hour - 1, 0)
    query(place, "update predictions.service_level set due_after_hours = :h", h=hours)
    return (now - timedelta(hours=hours)).date() - timedelta(days=1)


def freshness(place: Settings) -> tuple[Any, ...]:
    (row,) = query(place, "select newest_date, expected_date, is_newest_expected, reason "
                   "from predictions.freshness", "analyst")  # fmt: skip
    return row


def context(day: date, dag: str, task: str, error: Exception | None = None) -> dict[str, Any]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {"data_interval_start": start, "exception": error,
            "ti": SimpleNamespace(dag_id=dag, task_id=task)}  # fmt: skip


def features_are_there(place: Settings, day: date) -> None:
    query(place, "insert into analytics.lake_partitions values ('features.user', :day, 1, 1, 'a', "
          "'c', '{}', now())", day=day)  # fmt: skip


def test_final(place: Settings, expected: date) -> None:
    go(place, scores(expected))
    assert freshness(place) == (expected, expected, True, "the newest expected day is published")
    ((age,),) = query(place, "select age from predictions.freshness", "marketing")
    assert timedelta(0) < age < timedelta(days=2)


def test_nothing_published_and_nothing_started(place: Settings, expected: date) -> None:
    assert freshness(place) == (
        None, expected, False, f"lake_daily of {expected} has not started: is Airflow running?"
    )  # fmt: skip


def test_a_failed_gate_is_named_with_its_sentence(place: Settings, expected: date) -> None:
    go(place, scores(expected - timedelta(days=1)))
    states.on_execute(context(expected, "lake_daily", "lake.build"))
    failure = ValueError("lake_days was not published:\n  core.events: value out of range\n\nmore")
    states.on_failure(context(expected, "lake_daily", "lake.gate", failure))
    states.on_execute(context(expected, "lake_daily", "contacts"))  # a neighbour goes on
    newest, _, is_final, reason = freshness(place)
    assert (newest, is_final) == (expected - timedelta(days=1), False)
    assert reason.startswith(f"lake_daily.lake.gate of {expected} failed at ")
    assert reason.endswith("lake_days was not published: core.events: value out of range")


def test_a_late_task_is_named(place: Settings, expected: date) -> None:
    states.record(context(expected, "lake_daily", "wait_for_landing"), "waiting",
                  "events/date=x: no _SUCCESS yet")  # fmt: skip
    assert "lake_daily.wait_for_landing" in freshness(place)[3]
    assert freshness(place)[3].endswith("UTC: events/date=x: no _SUCCESS yet")
    states.on_execute(context(expected, "lake_daily", "lake.build"))
    assert f"lake_daily of {expected} is late, its newest task lake.build" in freshness(place)[3]
    features_are_there(place, expected)
    assert freshness(place)[3].startswith(f"score_daily of {expected} has not started")
    states.on_retry(context(expected, "score_daily", "scores.build", ValueError("no memory")))
    assert "and will be tried again: no memory" in freshness(place)[3]


def test_a_withdrawn_day_says_who_and_why(place: Settings, expected: date) -> None:
    go(place, scores(expected))
    revert(engine(place), expected, WITHDRAW, "wrong prices", "ann")
    assert freshness(place)[2:] == (False, f"{expected} was withdrawn by ann: wrong prices")


def test_a_state_that_can_not_be_stored_never_fails_the_task(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(place, "drop table analytics.task_states cascade", "admin")
    states.on_execute(context(date(2026, 3, 1), "lake_daily", "lake.build"))
    states.on_execute({"ti": None})  # a run without an interval, such as lake_history's
