"""What was known stays only as long as the arrivals that it was made from do."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from include.contracts import lake_tables
from include.contracts.core import LISTINGS
from include.contracts.known import KNOWN, KNOWN_LISTINGS
from include.database.engine import engine
from include.lake import known as known_module
from include.lake import publish as publishing
from include.lake.commit import commit
from include.lake.known import thin_known
from include.lake.publish import publish
from include.lake.tables import Lake
from include.settings import Settings
from tests.lake.attempts import begin, build, built_and_published, held

SUNDAY = date(2026, 3, 8)
BEFORE, NEXT = SUNDAY - timedelta(days=2), SUNDAY + timedelta(days=7)
ARRIVED, KNOWN_NAME = LISTINGS.name, KNOWN_LISTINGS.name


@pytest.fixture
def lake(place: Settings) -> Lake:
    """Two Sundays of listings, and what was known on them."""
    made = Lake(place)
    built_and_published(made, "friday", {ARRIVED: {BEFORE: [1]}})
    for attempt, day, known in (("first", SUNDAY, [1, 2]), ("second", NEXT, [1, 2, 3])):
        built_and_published(made, attempt, {ARRIVED: {day: [known[-1]]}, KNOWN_NAME: {day: known}})
    assert held(made, KNOWN_NAME) == {SUNDAY: [1, 2], NEXT: [1, 2, 3]}
    return made


def noted(place: Settings) -> list[date]:
    query = (
        "select partition_date from analytics.lake_partitions where table_name = :name order by 1"
    )
    with engine(place).connect() as connection:
        return list(connection.scalars(text(query), {"name": KNOWN_NAME}))


def test_jobs_look_at_it_after_the_arrivals() -> None:
    # publish takes it away before new arrivals are there: who finds it afterwards has the old ones.
    names = list(lake_tables(()))
    for arrivals, known in KNOWN.items():
        assert names.index(known.name) > names.index(arrivals)


def test_a_corrected_day_takes_away_what_was_known_from_then_on(
    lake: Lake, place: Settings
) -> None:
    built_and_published(lake, "saturday", {ARRIVED: {SUNDAY + timedelta(days=6): [9]}})
    assert held(lake, KNOWN_NAME) == {SUNDAY: [1, 2]}
    assert noted(place) == [SUNDAY]
    built_and_published(lake, "corrected", {ARRIVED: {BEFORE: [8]}})
    assert held(lake, KNOWN_NAME) == {}
    assert noted(place) == []


def test_a_range_takes_away_from_its_first_changed_day_on(lake: Lake) -> None:
    later = NEXT + timedelta(days=3)
    rows = {ARRIVED: {BEFORE: [1], SUNDAY + timedelta(days=1): [7], later: [9]}}
    built_and_published(lake, "range", rows)  # the first day as it was
    assert held(lake, KNOWN_NAME) == {SUNDAY: [1, 2]}


def test_a_day_that_is_built_again_with_the_same_rows_takes_nothing(lake: Lake) -> None:
    built_and_published(lake, "again", {ARRIVED: {BEFORE: [1]}})
    built_and_published(lake, "empty", {ARRIVED: {BEFORE - timedelta(days=1): []}})
    assert set(held(lake, KNOWN_NAME)) == {SUNDAY, NEXT}


def test_a_sunday_brings_its_own(lake: Lake, place: Settings) -> None:
    rows = {ARRIVED: {SUNDAY: [5]}, KNOWN_NAME: {SUNDAY: [1, 5]}}
    built_and_published(lake, "corrected", rows)
    assert held(lake, KNOWN_NAME) == {SUNDAY: [1, 5]}
    assert noted(place) == [SUNDAY]
    # Its own says the same as before: it stays, though a title changed.
    rows = {ARRIVED: {SUNDAY: [6]}, KNOWN_NAME: {SUNDAY: [1, 5]}}
    built_and_published(lake, "title", rows)
    assert held(lake, KNOWN_NAME) == {SUNDAY: [1, 5]}


def test_what_was_overtaken_keeps_nobody_from_publishing(
    lake: Lake, place: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    third = NEXT + timedelta(days=7)
    began = begin(lake)
    build(lake, "slow", "slow", {ARRIVED: {third: [4]}, KNOWN_NAME: {third: [1, 2, 3, 4]}}, began)
    built_and_published(lake, "beside", {ARRIVED: {third - timedelta(days=1): [7]}})
    publish("lake_days", "slow")
    assert held(lake, ARRIVED)[third] == [4]
    assert third not in held(lake, KNOWN_NAME)
    assert third not in noted(place)
    said = capsys.readouterr().out
    assert f"[publish] {KNOWN_NAME} is left out: lake_days of {third} was not published" in said
    publish("lake_days", "slow")
    assert third not in held(lake, KNOWN_NAME)


@pytest.mark.parametrize("commits", range(1, 4))
def test_killed_between_two_commits(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    rows = {ARRIVED: {SUNDAY: [5]}, KNOWN_NAME: {SUNDAY: [1, 5]}}
    build(lake, "killed", "killed", rows, begin(lake))
    done: list[str] = []

    def dies(lake: Lake, contract: Any, *more: Any) -> int | None:
        if len(done) == commits:
            raise SystemExit("killed")
        done.append(contract.name)
        return commit(lake, contract, *more)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "commit", dies)
        if commits < 3:
            with pytest.raises(SystemExit):
                publish("lake_days", "killed")
        else:
            publish("lake_days", "killed")
    assert done == [KNOWN_NAME, ARRIVED, KNOWN_NAME][:commits]
    # Never both: new arrivals, and what was known without them.
    known = held(lake, KNOWN_NAME)
    assert known == ({SUNDAY: [1, 5]} if commits == 3 else {})
    publish("lake_days", "killed")
    assert held(lake, KNOWN_NAME) == {SUNDAY: [1, 5]}
    assert held(lake, ARRIVED)[SUNDAY] == [5]
    assert noted(place) == [SUNDAY]


SUNDAYS = [SUNDAY + timedelta(weeks=n) for n in range(7)]


def seven_sundays(lake: Lake) -> None:
    for number, day in enumerate(SUNDAYS[2:], start=4):
        rows = {ARRIVED: {day: [number]}, KNOWN_NAME: {day: [*range(1, number + 1)]}}
        built_and_published(lake, f"sunday-{number}", rows)


def test_past_sundays_are_thinned_in_the_lake_and_the_ledger(lake: Lake, place: Settings) -> None:
    assert thin_known(lake, 7) == {}
    assert known_module.surplus([SUNDAY, SUNDAYS[4]], 7) == [], "never one of the newest two"
    seven_sundays(lake)
    assert thin_known(lake, 28) == {KNOWN_NAME: SUNDAYS[:2]}
    assert sorted(held(lake, KNOWN_NAME)) == noted(place) == SUNDAYS[2:]
    assert thin_known(lake, 28) == {}
    # What is left goes on as ever.
    built_and_published(lake, "corrected", {ARRIVED: {SUNDAYS[3] + timedelta(days=1): [77]}})
    assert sorted(held(lake, KNOWN_NAME)) == noted(place) == SUNDAYS[2:4]
    assert thin_known(lake, 7) == {}


def test_an_old_sunday_that_is_built_meanwhile_comes_back_until_the_next_time(
    lake: Lake, place: Settings
) -> None:
    seven_sundays(lake)
    began = begin(lake)
    build(lake, "slow", "slow", {ARRIVED: {SUNDAY: [2]}, KNOWN_NAME: {SUNDAY: [1, 2]}}, began)
    thin_known(lake, 14)
    publish("lake_days", "slow")
    assert held(lake, KNOWN_NAME)[SUNDAY] == [1, 2]
    assert sorted(held(lake, KNOWN_NAME)) == noted(place) == [SUNDAY, *SUNDAYS[4:]]
    assert thin_known(lake, 14) == {KNOWN_NAME: [SUNDAY]}


def test_thinning_that_was_killed_is_completed(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seven_sundays(lake)

    def dies(*_: Any) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(known_module, "commit", dies)
        with pytest.raises(SystemExit):
            thin_known(lake, 14)
    assert sorted(held(lake, KNOWN_NAME)) == SUNDAYS
    assert thin_known(lake, 14) == {KNOWN_NAME: SUNDAYS[:4]}
    assert sorted(held(lake, KNOWN_NAME)) == noted(place) == SUNDAYS[4:]


def test_an_older_attempt_leaves_the_newer_one(lake: Lake) -> None:
    rows = {ARRIVED: {SUNDAY: [2]}, KNOWN_NAME: {SUNDAY: [1, 99]}}
    build(lake, "old", "old", rows, begin(lake))
    built_and_published(lake, "new", {KNOWN_NAME: {SUNDAY: [1, 2, 6]}})
    publish("lake_days", "old")
    assert held(lake, KNOWN_NAME)[SUNDAY] == [1, 2, 6]
