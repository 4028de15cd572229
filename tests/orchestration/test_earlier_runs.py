"""A day waits for runs of the days before it, and for no other."""

from datetime import UTC, datetime, timedelta

import pytest

from include.orchestration import earlier_runs
from include.orchestration.waits import missing

DAY = datetime(2026, 3, 10, tzinfo=UTC)
ASKED = {"dag_id": "lake_daily", "day": "2026-03-10", "days": 3}


def asked(under_way: set[datetime], monkeypatch: pytest.MonkeyPatch) -> str | None:
    def count(dag_id: str, dates: list[datetime]) -> int:
        assert dag_id == "lake_daily"
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
