"""Retention: what is old goes, what is new, visible or in use stays."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from include.config import Retention
from include.database.engine import engine
from include.errors import PublishError
from include.predictions import retention as retention_module
from include.predictions.locks import day_lock
from include.predictions.retention import (
    drop_all_leftovers,
    drop_old_days,
    drop_superseded,
    drop_task_states,
)
from include.predictions.revert import WITHDRAW, revert
from include.settings import Settings
from tests.predictions.score_rows import DAY, STATUS, TABLES, VISIBLE, go, query, scores

KEEP = Retention(published_days=10, superseded_days=30, lake_snapshot_days=90, staged_days=7)
NOW = datetime.now(UTC)


def test_versions_replaced_long_ago_go_and_their_records_stay(place: Settings) -> None:
    first, second = go(place, scores()), go(place, scores(version="2"))
    query(place, "update predictions.publications set created_at = created_at - interval '90 days' "
          "where publication_id = :id", "admin", id=first.publication_id)  # fmt: skip
    # Made long ago, but replaced just now: it can still be brought back.
    assert drop_superseded(engine(place), KEEP, NOW) == []
    with day_lock(engine(place), DAY):  # somebody is at it, perhaps to bring it back
        assert drop_superseded(engine(place), KEEP, NOW + timedelta(days=31)) == []
    assert drop_superseded(engine(place), KEEP, NOW + timedelta(days=31)) == [first.publication_id]
    assert drop_superseded(engine(place), KEEP, NOW + timedelta(days=31)) == []
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]
    assert query(place, TABLES) == [(f"publication_{second.publication_id}",)]
    assert [status for _, status in query(place, STATUS)] == ["superseded", "published"]
    with pytest.raises(PublishError, match="the versions kept are 2"):
        revert(engine(place), DAY, None, "wrong prices", "ann")


def test_a_version_taken_back_today_can_come_back_however_old_it_is(place: Settings) -> None:
    go(place, scores())
    second = go(place, scores(version="2"))
    query(place, "update predictions.publications set created_at = created_at - interval '90 days'",
          "admin")  # fmt: skip
    revert(engine(place), DAY, None, "wrong prices", "ann")
    assert drop_superseded(engine(place), KEEP, NOW) == []
    assert drop_superseded(engine(place), KEEP, NOW + timedelta(days=31)) == [second.publication_id]


def test_days_far_behind_the_newest_leave_the_table(place: Settings) -> None:
    for number in (0, 5, 11):
        go(place, scores(DAY + timedelta(days=number)))
    assert len(drop_old_days(engine(place), KEEP)) == 1
    assert [day for day, *_ in query(place, VISIBLE)] == [
        DAY + timedelta(days=5), DAY + timedelta(days=11)
    ]  # fmt: skip
    ((reason,),) = query(place, "select reason from predictions.publications where "
                         "status = 'superseded'")  # fmt: skip
    assert reason == "older than 10 days: dropped by maintain_weekly"
    assert drop_old_days(engine(place), KEEP) == []


def test_a_day_of_the_far_future_makes_no_day_old(place: Settings) -> None:
    """Published by mistake: what is dropped for it could not come back."""
    go(place, scores())
    go(place, scores(date(2062, 3, 11)))
    assert drop_old_days(engine(place), KEEP) == []


def test_the_day_that_became_the_newest_meanwhile_is_kept(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = DAY - timedelta(days=500)
    for day in (old, DAY):
        go(place, scores(day))
    whole = retention_module.transition

    def withdraw_first(*args: Any) -> Any:
        monkeypatch.setattr(retention_module, "transition", whole)
        revert(engine(place), DAY, WITHDRAW, "all wrong", "ann")
        return whole(*args)

    monkeypatch.setattr(retention_module, "transition", withdraw_first)
    assert drop_old_days(engine(place), KEEP) == []
    assert [day for day, *_ in query(place, VISIBLE)] == [old]


def test_an_empty_table_has_nothing_to_drop(place: Settings) -> None:
    assert drop_old_days(engine(place), KEEP) == []
    assert drop_superseded(engine(place), KEEP, NOW) == []
    assert drop_all_leftovers(engine(place)) == []


def test_leftovers_go_unless_their_attempt_is_running(place: Settings) -> None:
    go(place, scores())
    query(place, "insert into predictions.publications (score_date, status, model_version, "
          "model_policy, lake_snapshots, row_count, checksum, created_at, run_id, reason) values "
          "(:day, 'rejected', '1', 'as_of', '{}', 1, 'x', now(), 'r', 'did not finish')",
          day=DAY)  # fmt: skip
    ((left,),) = query(place, "select max(publication_id) from predictions.publications")
    query(place, f"create table predictions.publication_{left} (a int)")
    with day_lock(engine(place), DAY):
        assert drop_all_leftovers(engine(place)) == []
    assert drop_all_leftovers(engine(place)) == [f"predictions.publication_{left}"]
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]


def test_old_task_states_go(place: Settings) -> None:
    query(place, "insert into analytics.task_states (dag_id, data_day, task_id, map_index, "
          "state, detail, changed_at) values "
          "('lake_daily', :day, 'old', -1, 'failed', '', now() - interval '91 days'), "
          "('lake_daily', :day, 'new', -1, 'failed', '', now())", day=DAY)  # fmt: skip
    with engine(place).begin() as connection:
        assert drop_task_states(connection, KEEP, NOW) == 1
        assert connection.scalar(text("select task_id from analytics.task_states")) == "new"
