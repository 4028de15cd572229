"""When nights run: after an outage one after the other, and not further back than asked for."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given, settings
from hypothesis import strategies as st

from include.days import day_of, start_of
from include.orchestration.defaults import START, night
from include.orchestration.night import DataDayTimetable, NightTimetable

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


def intervals(timetable: DataDayTimetable, first: date, last: date) -> list[DataInterval]:
    """The runs that a backfill of some days gets, as Airflow asks for them."""
    asked = TimeRestriction(
        pendulum.datetime(first.year, first.month, first.day, tz=timetable.time_zone),
        pendulum.datetime(last.year, last.month, last.day, tz=timetable.time_zone),
        catchup=True,
    )
    found: list[DataInterval] = []
    while info := timetable.next_dagrun_info(
        last_automated_data_interval=found[-1] if found else None, restriction=asked
    ):
        found.append(info.data_interval)
    return found


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Sao_Paulo", date(2018, 11, 3), 24),  # the next day begins at 01:00
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("Africa/Cairo", date(2026, 4, 23), 24),
        ("America/Havana", date(2026, 3, 7), 24),
        ("America/Havana", date(2026, 3, 8), 23),
        ("America/Havana", date(2026, 10, 31), 24),  # the next day has two midnights
        ("America/Havana", date(2026, 11, 1), 25),
        ("Asia/Tokyo", date(2026, 3, 10), 24),
    ],
)
def test_a_backfill_of_one_day_has_a_run_whatever_the_clocks_do(
    zone: str, day: date, hours: int
) -> None:
    for timetable in DataDayTimetable(zone), NightTimetable(zone, 14):
        (one,) = intervals(timetable, day, day)
        assert one.start == start_of(day, zone)
        assert one.end - one.start == timedelta(hours=hours)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Pacific/Apia", "UTC"]),
    st.dates(date(2000, 1, 1), date(2035, 1, 1)),
    st.integers(0, 400),
)
def test_each_day_has_one_run_and_they_leave_no_moment_out(
    zone: str, first: date, length: int
) -> None:
    """Samoa left out 30 December 2011, and no other day has no run."""
    last = first + timedelta(days=length)
    found = intervals(DataDayTimetable(zone), first, last)
    days = [first + timedelta(days=n) for n in range(length + 1)]
    if zone == "Pacific/Apia" and date(2011, 12, 30) in days:
        days.remove(date(2011, 12, 30))
    assert [day_of(one.start, zone) for one in found] == days
    assert all(before.end == after.start for before, after in pairwise(found))


@pytest.mark.parametrize("zone", ["America/Havana", "America/Sao_Paulo", "Pacific/Apia"])
def test_a_moment_of_a_day_belongs_to_the_interval_before_it(zone: str) -> None:
    timetable = DataDayTimetable(zone)
    for day in (date(2026, 11, 1), date(2018, 11, 4), date(2026, 3, 8)):
        start = pendulum.instance(start_of(day, zone))
        for hours in (0, 0.5, 1, 1.5, 20):
            found = timetable.infer_manual_data_interval(run_after=start.add(seconds=hours * 3600))
            assert found.end == start
            assert day_of(found.start, zone) == day - timedelta(days=1)
