"""`predictions.freshness`: one row, whatever happened, and it says why."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.contracts.lineage import lineage
from include.database.engine import engine
from include.lake.ledger import store_lineage
from include.orchestration import task_state_listener as listener
from include.predictions.revert import WITHDRAW, revert
from include.settings import Settings
from tests.predictions.score_rows import go, query, scores


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


def instance(day: date, dag: str, task: str, state: str = "", map_index: int = -1) -> Any:
    """What the listener is handed for a task of the day's run."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return SimpleNamespace(
        dag_id=dag, task_id=task, map_index=map_index, state=state,
        task=SimpleNamespace(owner="data-platform"),
        get_template_context=lambda: {"data_interval_start": start},
    )  # fmt: skip


def starts(*given: Any, **more: Any) -> None:
    listener.on_task_instance_running(None, instance(*given, **more))


def fails(*given: Any, error: Exception, **more: Any) -> None:
    listener.on_task_instance_failed(None, instance(*given, **more), error)


def features_are_there(place: Settings, day: date) -> None:
    query(place, "insert into analytics.lake_partitions values ('features.user', :day, 1, 1, 'a', "
          "'c', '{}', now())", day=day)  # fmt: skip


def contacts_are_there(place: Settings, day: date) -> None:
    query(place, "insert into analytics.ingest_accounting values ('contacts', :day, 0, 0, 0, 0)",
          day=day)  # fmt: skip


def test_final(place: Settings, expected: date) -> None:
    go(place, scores(expected))
    contacts_are_there(place, expected)
    assert freshness(place) == (expected, expected, True, "the newest expected day is published")
    ((age,),) = query(place, "select age from predictions.freshness", "marketing")
    assert timedelta(0) < age < timedelta(days=2)


def test_scores_that_were_made_from_what_changed_since_are_not_final(
    place: Settings, expected: date
) -> None:
    go(place, scores(expected))
    contacts_are_there(place, expected)
    with engine(place).begin() as connection:
        store_lineage(connection, lineage(duplicate_lookback_days=3, horizon_days=7))
    partition = ("insert into analytics.lake_partitions values (:table, :day, 1, 1, 'a', 'c', "
                 "'{}', now(), 'committed', :number, :knows)")  # fmt: skip
    made = "scores.campaign_propensity"
    query(place, partition, table=made, day=expected, number=1, knows='{"features.user": 5}')
    query(place, partition, table="features.user", day=expected, number=5, knows="{}")
    assert freshness(place)[3] == "the newest expected day is published"
    query(place, "update analytics.lake_partitions set content_number = 6 "
          "where table_name = 'features.user'")  # fmt: skip
    assert freshness(place)[3] == (
        f"{expected} is published, but features.user of {expected} changed since it was made: "
        "trigger refresh"
    )


def test_nothing_published_and_nothing_started(place: Settings, expected: date) -> None:
    assert freshness(place) == (
        None, expected, False, f"lake_daily of {expected} has not started: is Airflow running?"
    )  # fmt: skip


def test_a_failed_gate_is_named_with_its_sentence(place: Settings, expected: date) -> None:
    go(place, scores(expected - timedelta(days=1)))
    starts(expected, "lake_daily", "lake.build")
    failure = ValueError("lake_days was not published:\n  core.events: value out of range\n\nmore")
    fails(expected, "lake_daily", "lake.gate", error=failure)
    starts(expected, "lake_daily", "contacts")  # a neighbour goes on
    newest, _, is_final, reason = freshness(place)
    assert (newest, is_final) == (expected - timedelta(days=1), False)
    assert reason.startswith(f"lake_daily.lake.gate of {expected} failed at ")
    assert reason.endswith("lake_days was not published: core.events: value out of range")


def test_a_late_task_is_named(place: Settings, expected: date) -> None:
    listener.record(instance(expected, "lake_daily", "wait_for_landing"), "waiting",
                  "events/date=x: no _SUCCESS yet")  # fmt: skip
    assert "lake_daily.wait_for_landing" in freshness(place)[3]
    assert freshness(place)[3].endswith("UTC: events/date=x: no _SUCCESS yet")
    starts(expected, "lake_daily", "lake.build")
    assert f"lake_daily of {expected} is late, its newest task lake.build" in freshness(place)[3]
    features_are_there(place, expected)
    assert freshness(place)[3].startswith(f"score_daily of {expected} has not started")
    fails(expected, "score_daily", "scores.build", state="up_for_retry",
          error=ValueError("no memory"))  # fmt: skip
    assert "and will be tried again: no memory" in freshness(place)[3]


def test_a_withdrawn_day_says_who_and_why(place: Settings, expected: date) -> None:
    go(place, scores(expected))
    revert(engine(place), expected, WITHDRAW, "wrong prices", "ann")
    assert freshness(place)[2:] == (False, f"{expected} was withdrawn by ann: wrong prices")


def test_a_state_that_can_not_be_stored_never_fails_the_task(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(place, "drop table analytics.task_states cascade", "admin")
    starts(date(2026, 3, 1), "lake_daily", "lake.build")


def test_runs_without_a_day_and_dags_of_others_leave_no_trace(place: Settings) -> None:
    no_day = instance(date(2026, 3, 1), "lake_history", "lake.build")
    no_day.get_template_context = dict
    listener.on_task_instance_running(None, no_day)
    theirs = instance(date(2026, 3, 1), "somebody_elses", "task")
    theirs.task.owner = "airflow"
    listener.on_task_instance_running(None, theirs)
    assert query(place, "select count(*) from analytics.task_states") == [(0,)]


def test_instances_of_a_mapped_task_do_not_overwrite_each_other(place: Settings) -> None:
    for number in range(4):
        starts(date(2026, 3, 1), "train_weekly", "fit", map_index=number)
    fails(date(2026, 3, 1), "train_weekly", "fit", map_index=2, error=ValueError("no memory"))
    states = "select map_index, state from analytics.task_states order by 1"
    assert query(place, states) == [
        (0, "running"), (1, "running"), (2, "failed"), (3, "running")
    ]  # fmt: skip


def test_a_task_whose_process_was_killed_is_told_of_by_the_scheduler(
    place: Settings, expected: date
) -> None:
    """The scheduler has a row, not a running task: its day stands at the run."""
    start = datetime(expected.year, expected.month, expected.day, tzinfo=UTC)
    row = SimpleNamespace(dag_id="lake_daily", task_id="lake.build", map_index=-1, state="failed",
                          dag_run=SimpleNamespace(data_interval_start=start))  # fmt: skip
    listener.on_task_instance_failed(None, row, "no heartbeat")
    assert freshness(place)[3].endswith("no heartbeat")


def test_a_later_day_does_not_stand_in_for_the_expected_one(
    place: Settings, expected: date
) -> None:
    """A run for tomorrow's date, started by hand, made the night look final."""
    go(place, scores(expected + timedelta(days=1)))
    newest, _, is_final, reason = freshness(place)
    assert (newest, is_final) == (expected + timedelta(days=1), False)
    today = datetime.now(UTC).date()
    if newest >= today:
        assert reason == (
            f"the newest published day, {newest}, is not over yet: withdraw it (revert_publication)"
        )
    else:
        assert reason.startswith(f"{expected} is missing, although {newest} is published: ")


def test_an_earlier_version_says_so(place: Settings, expected: date) -> None:
    first = go(place, scores(expected)).publication_id
    go(place, scores(expected, version="2"))
    contacts_are_there(place, expected)
    revert(engine(place), expected, None, "wrong prices", "ann")
    assert freshness(place)[2:] == (
        True,
        f"{expected} is published, as an earlier version (publication {first}) that ann went back "
        "to: wrong prices",
    )


def test_without_the_days_contacts_nobody_says_published(place: Settings, expected: date) -> None:
    go(place, scores(expected))
    assert freshness(place)[3].startswith(f"{expected} is published, but its contacts are not")


def test_failed_warnings_are_told(place: Settings, expected: date) -> None:
    go(place, scores(expected))
    contacts_are_there(place, expected)
    features_are_there(place, expected)
    query(place, "insert into analytics.quality_results values ('a', 'core.events', 'e', 'value', "
          ":day, :day, 'warning', false, 'why', '7 of 100 rows', now())", day=expected)  # fmt: skip
    assert freshness(place)[3] == (
        f"{expected} is published, with 1 warnings of its audits: core.events, value: 7 of 100 rows"
    )


def test_published_at_is_when_readers_could_see_it(place: Settings, expected: date) -> None:
    """Not when the attempt began: with a reader in the way, minutes lie between them."""
    go(place, scores(expected))
    ((later,),) = query(place, "select f.published_at > p.created_at from predictions.freshness f "
                        "join predictions.publications p using (publication_id)")  # fmt: skip
    assert later


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "America/Sao_Paulo"])
def test_what_is_due_goes_by_the_markets_midnight(place: Settings, zone: str) -> None:
    """Between Niue and Kiritimati lie 25 hours: it is never the same day in both."""
    query(place, "update predictions.service_level set due_after_hours = 6, time_zone = :zone",
          zone=zone)  # fmt: skip
    local = datetime.now(UTC).astimezone(ZoneInfo(zone))
    day = (local - timedelta(hours=6)).date() - timedelta(days=1)
    assert freshness(place)[1] == day
    go(place, scores(local.date()))
    assert "is not over yet" in freshness(place)[3]
    go(place, scores(local.date() - timedelta(days=1)))
    ((age,),) = query(place, "select now() - ((:day)::timestamp at time zone :zone)", zone=zone,
                      day=local.date())  # fmt: skip
    assert timedelta(0) <= age < timedelta(days=1)
