"""A day waits for runs of the days before it, and for no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

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
        ({DAY - timedelta(1): "queued"}, "queued"),
        ({DAY - timedelta(1): "queued", DAY - timedelta(3): "running"}, "running"),
        ({DAY: "running", DAY + timedelta(1): "queued", DAY - timedelta(4): "running"}, "nobody"),
        ({None: "queued"}, "running"),
    ],
)
def test_who_builds_days_before(
    runs: dict[datetime | None, str], who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(dag_id: str, dates: list[datetime] | None, states: list[str]) -> int:
        wanted = [None] if dates is None else dates
        assert dag_id == ("lake_history" if dates is None else "lake_daily")
        return sum(when in wanted and state in states for when, state in runs.items())

    monkeypatch.setattr(earlier_runs, "count_runs", count)
    assert earlier_runs.who_builds(**ASKED) == who
