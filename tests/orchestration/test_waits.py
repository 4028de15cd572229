"""The deferrable wait: asks until content, gives up at the deadline, says what is missing."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from include.lake import readiness
from include.orchestration import earlier_runs, waits
from include.orchestration.waits import ReadinessTrigger, WaitUntilReady


def trigger(check: str, deadline_s: float) -> ReadinessTrigger:
    deadline = datetime.now(UTC) + timedelta(seconds=deadline_s)
    return ReadinessTrigger(check, {"day": "2026-03-01"}, deadline.isoformat(), 0.01)


async def first_event(one: ReadinessTrigger) -> str:
    async for event in one.run():
        return str(event.payload)
    raise AssertionError("no event")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What the check will say, one after the other; the last for ever."""
    given: list[str | None] = []

    def check(day: str) -> str | None:
        assert day == "2026-03-01"
        return given.pop(0) if len(given) > 1 else given[0]

    monkeypatch.setattr(readiness, "landed", check)
    return given


def test_asks_until_nothing_is_missing(answers: list[str | None]) -> None:
    answers += ["not yet", "not yet", None]
    assert asyncio.run(first_event(trigger("landed", 60))) == ""
    assert answers == [None]


def test_gives_up_at_the_deadline_with_what_is_missing(answers: list[str | None]) -> None:
    answers += ["events/date=2026-03-01: no _SUCCESS yet"]
    event = asyncio.run(first_event(trigger("landed", 0.05)))
    assert event == "events/date=2026-03-01: no _SUCCESS yet"


def test_the_task_defers_only_if_something_is_missing(answers: list[str | None]) -> None:
    task = WaitUntilReady(task_id="wait", check="landed", arguments={"day": "2026-03-01"},
                          deadline=timedelta(hours=12))  # fmt: skip
    answers += [None]
    task.execute({})
    answers[:] = ["not yet"]
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    path, arguments = deferred.value.trigger.serialize()
    assert path == "include.orchestration.waits.ReadinessTrigger"
    assert arguments["check"] == "landed"
    with pytest.raises(AirflowFailException, match=r"gave up 12:00:00 after the run began: not"):
        task.finish({}, "not yet")
    task.finish({}, "")


def test_an_unknown_check_is_refused_at_parse() -> None:
    with pytest.raises(ValueError, match="check must be one of landed, committed, days_before"):
        WaitUntilReady(task_id="w", check="weather", arguments={}, deadline=timedelta(hours=1))


def test_a_database_that_is_away_for_a_while_ends_no_wait(
    answers: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [True, True, False]

    def check(day: str) -> str | None:
        if away.pop(0):
            raise ConnectionError("server closed the connection\nand more")
        return None

    monkeypatch.setattr(readiness, "landed", check)
    assert asyncio.run(first_event(trigger("landed", 60))) == ""
    assert away == []


def test_an_outage_that_outlasts_the_deadline_is_what_it_gives_up_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(day: str) -> str | None:
        raise ConnectionError("server closed the connection\nand more")

    monkeypatch.setattr(readiness, "landed", check)
    assert asyncio.run(first_event(trigger("landed", 0.05))) == (
        "whether it is there could not be asked (ConnectionError: server closed the connection)"
    )


def test_a_task_that_is_tried_again_keeps_its_deadline(answers: list[str | None]) -> None:
    task = WaitUntilReady(task_id="wait", check="landed", arguments={"day": "2026-03-01"},
                          deadline=timedelta(hours=12))  # fmt: skip
    answers += ["not yet"]
    began = datetime(2026, 3, 2, 0, 1, tzinfo=UTC)
    context: Any = {"dag_run": SimpleNamespace(start_date=began)}
    for _ in range(2):
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(context)
        _, arguments = deferred.value.trigger.serialize()
        assert arguments["deadline_at"] == "2026-03-02T12:01:00+00:00"
    assert task.execution_timeout is not None
    assert task.execution_timeout > task.deadline


BEFORE = {"dag_id": "lake_daily", "day": "2026-03-01", "days": 84}


def waited(who: list[str | None], patience_s: float, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a backfill's run ends its wait with; who builds days before, one after the other."""

    def who_builds(**asked: Any) -> str:
        assert asked == BEFORE
        found = who.pop(0) if len(who) > 1 else who[0]
        if found is None:
            raise ConnectionError("Airflow is away")
        return found

    monkeypatch.setattr(earlier_runs, "who_builds", who_builds)
    monkeypatch.setattr(waits, "PATIENCE", timedelta(seconds=patience_s))
    one = trigger("landed", 1.0)
    one.made_by = BEFORE
    return asyncio.run(first_event(one))


def test_a_backfill_waits_while_a_day_before_is_built(
    answers: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers += ["not yet"]
    assert waited(["running"], 0.0, monkeypatch) == "not yet"  # at the deadline
    assert waited([None], 0.0, monkeypatch) == "not yet"
    assert waited(["queued"], 60.0, monkeypatch) == "not yet"


def test_a_backfill_gives_up_when_nobody_builds_it(
    answers: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers += ["lacks 1 day"]
    given_up = "gave up, since nobody makes what it waits for: lacks 1 day"
    assert waited(["running", "queued", "nobody"], 60.0, monkeypatch) == given_up
    # Those that are queued may wait for a slot that this one holds.
    who: list[str | None] = ["queued", "running", "queued"]
    assert waited(who, 0.1, monkeypatch) == given_up
    assert who == ["queued"]


def test_only_runs_of_a_backfill_give_up_early(answers: list[str | None]) -> None:
    task = WaitUntilReady(
        task_id="wait", check="landed", arguments={"day": "2026-03-01"}, made_by=BEFORE,
        deadline=timedelta(hours=12),
    )  # fmt: skip
    answers += ["lacks 1 day"]
    for kind, made_by in (("backfill", BEFORE), ("scheduled", None), ("manual", None)):
        context: Any = {"dag_run": SimpleNamespace(start_date=None, run_type=kind)}
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(context)
        assert deferred.value.trigger.serialize()[1]["made_by"] == made_by
    with pytest.raises(AirflowFailException) as failed:
        task.finish({}, "gave up, since nobody makes what it waits for: lacks 1 day")
    assert str(failed.value) == (
        "gave up, since nobody makes what it waits for: lacks 1 day. Once that is mended, backfill "
        "the same days again, in their order, with `--reprocess-behavior failed`"
    )
