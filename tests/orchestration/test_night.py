"""When nights run: after an outage one after the other, and not further back than asked for."""

from datetime import UTC, datetime, timedelta

import pendulum
from airflow.timetables.base import DataInterval, TimeRestriction

from include.orchestration.defaults import START, night

NOW = datetime.now(UTC)
TODAY = pendulum.instance(NOW).start_of("day")
"""Yesterday is the day that ended last, and can run."""


def nights(last_days_ago: int | None) -> list[int]:
    """How many days ago the days are that would run now, one after the other, in their order."""
    timetable = night()
    assert timetable == type(timetable).deserialize(timetable.serialize())
    timetable = type(timetable).deserialize(timetable.serialize())  # as the scheduler has it
    start = None if last_days_ago is None else TODAY.subtract(days=last_days_ago)
    last = None if start is None else DataInterval(start, start.add(days=1))
    found = []
    while info := timetable.next_dagrun_info(
        last_automated_data_interval=last,
        restriction=TimeRestriction(pendulum.instance(START), latest=None, catchup=False),
    ):
        if info.run_after > NOW:
            return found
        last = info.data_interval
        assert last.end - last.start == timedelta(days=1)
        found.append((TODAY - last.start).days)
    return found


def test_a_night_follows_the_night_before() -> None:
    assert nights(last_days_ago=1) == []
    assert nights(last_days_ago=2) == [1]


def test_two_days_without_a_scheduler_are_made_up_oldest_first() -> None:
    assert nights(last_days_ago=4) == [3, 2, 1]
    assert nights(last_days_ago=15) == list(range(14, 0, -1))


def test_a_new_deployment_and_one_that_was_away_for_long_begin_with_yesterday() -> None:
    assert nights(last_days_ago=None) == [1]
    assert nights(last_days_ago=16) == [1]
    assert nights(last_days_ago=3_000) == [1], "after a backfill of 2017, say"


def test_a_backfill_gets_the_days_that_it_asks_for() -> None:
    """As Airflow's `iter_dagrun_infos_between` asks: from nothing, with `catchup`."""
    first, last = pendulum.datetime(2017, 12, 25), pendulum.datetime(2017, 12, 28)
    asked = TimeRestriction(first, last, catchup=True)
    found, before = [], None
    while info := night().next_dagrun_info(last_automated_data_interval=before, restriction=asked):
        before = info.data_interval
        found.append(before.start)
    assert found == [first.add(days=n) for n in range(4)]
