"""A day waits for runs of the days before it, and for no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from include.orchestration import earlier_runs
from include.orchestration.waits import missing

DAY = datetime(2026, 3, 10, tzinfo=UTC)
ASKED: dict[str, Any] = {"dag_id": "lake_daily", "day": "2026-03-10", "days": 3}


def asked(under_way: set[datetime], monkeypatch: pytest.MonkeyPatch) -> str | None:
    def count(dag_id: str, dates: list[datetime], states: list[str]) -> int:
        assert (dag_id, states) == ("lake_daily", ["queued", "running"])
        return len(under_way & set(dates))

    monkeypatch.setattr(earlier_runs, "count_runs", count)
    return missing("earlier_runs", ASKED)


def test_days_before_within_reach_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {DAY - timedelta(days=1), DAY - timedelta(days=3)}
    assert asked(before, monkeypatch) == (
        "2 runs of lake_daily for days before 2026-03-10 are under way"
    )


@pytest.mark.parametrize("others", [set(), {DAY}, {DAY + timedelta(days=1)}, {DAY - timedelta(4)}])
def test_no_other_run_is(others: set[datetime], monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(others, monkeypatch) is None


@pytest.mark.parametrize(
    ("runs", "who"),
    [
        ({}, "nobody"),
        ({("lake_daily", DAY - timedelta(1)): "queued"}, "queued"),
        ({("lake_daily", DAY - timedelta(1)): "queued",
          ("lake_daily", DAY - timedelta(3)): "running"}, "running"),
        ({("lake_daily", DAY): "running", ("lake_daily", DAY + timedelta(1)): "queued",
          ("lake_daily", DAY - timedelta(4)): "running"}, "nobody"),
        ({("lake_history", None): "queued"}, "running"),
        ({("refresh", None): "running"}, "running"),
        ({("score_daily", None): "running"}, "nobody"),
    ],
)  # fmt: skip
def test_who_builds_days_before(
    runs: dict[tuple[str, datetime | None], str], who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(dag_id: str, dates: list[datetime] | None, states: list[str]) -> int:
        return sum(
            dag == dag_id and (dates is None or when in dates) and state in states
            for (dag, when), state in runs.items()
        )

    monkeypatch.setattr(earlier_runs, "count_runs", count)
    monkeypatch.setattr(earlier_runs, "is_run_by_hand", lambda _: False)
    assert earlier_runs.who_builds(**ASKED) == who


@pytest.mark.parametrize(
    ("run_id", "state", "is_found"),
    [
        ("manual__2026-03-11T08:00:00+00:00", None, True),
        ("a_name_of_somebodys", "running", True),
        ("manual__2026-03-11T08:00:00+00:00", "success", False),
        ("manual__2026-03-11T08:00:00+00:00", "upstream_failed", False),
        ("backfill__2026-03-10T00:00:00+00:00", None, False),
        ("scheduled__2026-03-10T00:00:00+00:00", "running", False),
    ],
)
def test_a_run_by_hand_may_build_the_day(
    run_id: str, state: str | None, is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def states(dag_id: str, task_ids: list[str]) -> dict[str, dict[str, str | None]]:
        assert (dag_id, task_ids) == ("lake_daily", ["lake.publish"])
        return {run_id: {"lake.publish": state}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", states)
    monkeypatch.setattr(earlier_runs, "count_runs", lambda *_: 0)
    assert (earlier_runs.who_builds(**ASKED) == "running") is is_found
