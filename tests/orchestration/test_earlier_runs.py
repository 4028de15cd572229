"""A day waits for runs of the days before it, and for no other."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from include.orchestration import earlier_runs
from include.orchestration.earlier_runs import EarlierRunsTrigger, WaitForEarlierRuns

DAY = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def under_way(monkeypatch: pytest.MonkeyPatch) -> list[set[datetime]]:
    """Days whose runs are queued or running, at each question; the last for ever."""
    given: list[set[datetime]] = []

    def count(dag_id: str, dates: list[datetime]) -> int:
        assert dag_id == "lake_daily"
        now = given.pop(0) if len(given) > 1 else given[0]
        return len(now & set(dates))

    monkeypatch.setattr(earlier_runs, "earlier_runs", count)
    return given


def task(day: datetime = DAY) -> WaitForEarlierRuns:
    from airflow.sdk import DAG

    with DAG("lake_daily", schedule=None):
        return WaitForEarlierRuns(task_id="wait", days=3, deadline=timedelta(hours=12),
                                  day=f"{day.date()}")  # fmt: skip


def test_days_before_within_reach_are_waited_for(under_way: list[set[datetime]]) -> None:
    under_way += [{DAY - timedelta(days=3)}]
    with pytest.raises(TaskDeferred) as deferred:
        task().execute({})
    _, arguments = deferred.value.trigger.serialize()
    assert arguments["logical_dates"] == [f"2026-03-0{n}T00:00:00+00:00" for n in (9, 8, 7)]


@pytest.mark.parametrize("others", [set(), {DAY}, {DAY + timedelta(days=1)}, {DAY - timedelta(4)}])
def test_no_other_run_is(others: set[datetime], under_way: list[set[datetime]]) -> None:
    under_way += [others]
    task().execute({})


def test_the_trigger_asks_until_none_is_left(under_way: list[set[datetime]]) -> None:
    before = DAY - timedelta(days=1)
    under_way += [{before}, {before}, set()]
    assert asyncio.run(_payload(before, 60)) == 0
    under_way[:] = [{before}]
    assert asyncio.run(_payload(before, 0.05)) == 1


async def _payload(day: datetime, deadline_s: float) -> int:
    ends = datetime.now(UTC) + timedelta(seconds=deadline_s)
    trigger = EarlierRunsTrigger("lake_daily", [day.isoformat()], ends.isoformat(), 0.01)
    async for event in trigger.run():
        return int(event.payload)
    raise AssertionError("no event")


def test_giving_up_says_what_is_still_under_way() -> None:
    task().finish({}, 0)
    with pytest.raises(AirflowFailException, match=r"after 12:00:00: 2 runs of lake_daily for ear"):
        task().finish({}, 2)
