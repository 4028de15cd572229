"""The deferrable wait: asks until content, gives up at the deadline, says what is missing."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
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


@pytest.fixture
def away_twice(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The check can't be asked twice, then it is content; what is left of that."""
    away = [True, True, False]

    def check(day: str) -> str | None:
        if away.pop(0):
            raise ConnectionError("server closed the connection\nand more")
        return None

    monkeypatch.setattr(readiness, "landed", check)
    return away


def test_a_database_that_is_away_for_a_while_ends_no_wait(away_twice: list[bool]) -> None:
    assert asyncio.run(first_event(trigger("landed", 60))) == ""
    assert away_twice == []


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


class Minutes(datetime):
    """A clock by which a minute passes each time that somebody looks at it."""

    looks = 0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        cls.looks += 1
        return datetime(2026, 3, 2, tzinfo=tz) + timedelta(minutes=cls.looks)


def waited(who: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """What a backfill's run ends its wait with, and after how many minutes.

    Args:
        who: Who builds days before, minute by minute: somebody who runs, who is queued, nobody, or
            it can't be asked (`?`). The last goes on until the deadline, after 20 minutes.
        monkeypatch: Puts the clock in.
    """
    names = {"r": "running", "q": "queued", "n": "nobody"}
    said = [*who]

    def who_builds(**asked: Any) -> str:
        assert asked == BEFORE
        found = said.pop(0) if len(said) > 1 else said[0]
        if found == "?":
            raise ConnectionError("Airflow is away")
        return names[found]

    monkeypatch.setattr(earlier_runs, "who_builds", who_builds)
    monkeypatch.setattr(waits, "datetime", Minutes)
    Minutes.looks = 0
    deadline = datetime(2026, 3, 2, 0, 21, tzinfo=UTC).isoformat()
    one = ReadinessTrigger("landed", {"day": "2026-03-01"}, deadline, 0.0, BEFORE)
    found = asyncio.run(first_event(one))
    return found, Minutes.looks - 1


def test_a_backfill_waits_while_a_day_before_is_built(
    answers: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers += ["not yet"]
    for who in ("r", "?", "rqqrqqrqqr", "qq?r"):
        assert waited(who, monkeypatch) == ("not yet", 20), who


def test_a_backfill_gives_up_when_nobody_builds_it(
    answers: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers += ["lacks 1 day"]
    given_up = "gave up, since nobody makes what it waits for: lacks 1 day"
    # Those that are queued may wait for a slot that this one holds: three minutes of them.
    expected = {"n": 1, "rrrn": 4, "qn": 2, "q": 3, "rrrrrq": 8, "rqqrq": 7}
    assert {who: waited(who, monkeypatch) for who in expected} == {
        who: (given_up, minutes) for who, minutes in expected.items()
    }


def test_what_ends_between_two_questions_has_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is there as soon as its run is over: whoever is asked first, it isn't given up."""
    moment = [0]

    def count(dag_id: str, dates: list[datetime] | None, states: list[str]) -> int:
        moment[0] += 1
        return int(dag_id == "lake_daily" and moment[0] < ends_at)

    monkeypatch.setattr(earlier_runs, "count_runs", count)
    monkeypatch.setattr(earlier_runs, "is_run_by_hand", lambda _: False)
    for ends_at in range(1, 12):
        moment[0] = 0
        deadline = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
        one = ReadinessTrigger("earlier_runs", BEFORE, deadline, 0.0, BEFORE)
        assert asyncio.run(first_event(one)) == "", ends_at


def test_a_question_that_cannot_be_asked_ends_no_wait(
    away_twice: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert waited("n", monkeypatch)[0] == ""
    assert away_twice == []


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
