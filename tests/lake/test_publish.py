"""Publishing to the lake: beside others, twice, late, cut off, out of order."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from include.contracts.core import USERS
from include.database.engine import engine
from include.errors import StaleError
from include.lake import publish as publishing
from include.lake import readiness
from include.lake.commit import commit
from include.lake.ledger import stale_partitions
from include.lake.publish import publish
from include.lake.receipts import read_receipt, receipt_uri, write_receipt
from include.lake.tables import Lake
from include.quality.accounting import Accounting
from include.settings import Settings
from tests.lake.attempts import (
    DAILY,
    EVENTS,
    PAIRS,
    begin,
    build,
    built_and_published,
    contracts,
    held,
    stage,
)

DAY = date(2026, 3, 10)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def lake(place: Settings) -> Lake:
    return Lake(place)


def day(day: date, *numbers: int) -> dict[str, dict[date, list[int]]]:
    """A day of events, and what is made of it."""
    return {table: {day: list(numbers)} for table in (EVENTS, DAILY, PAIRS)}


def stale(place: Settings) -> list[tuple[str, date]]:
    with engine(place).connect() as connection:
        found = stale_partitions(connection, (EVENTS, DAILY, PAIRS))
    return [(one.table_name, one.partition_date) for one in found]


def test_between_looking_and_committing_nobody_else_publishes(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = begin(lake)
    for run, number in (("a", 1), ("b", 2)):
        build(lake, run, run, day(DAY, number), began)
    has_looked, may_commit = Event(), Event()
    commits = publishing._commit

    def waits(lake: Lake, config: Any, receipt: Any, run: str, change: Any) -> None:
        if run == "a":
            has_looked.set()
            assert may_commit.wait(30)
        commits(lake, config, receipt, run, change)

    monkeypatch.setattr(publishing, "_commit", waits)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(publish, "lake_days", "a")
        assert has_looked.wait(30)
        second = pool.submit(publish, "lake_days", "b")
        with contextlib.suppress(TimeoutError):
            second.exception(timeout=3)  # time enough, if nobody kept it out
        may_commit.set()
        assert first.exception() is None
        assert isinstance(second.exception(), StaleError)
    assert held(lake, EVENTS) == {DAY: [1]}


def test_two_attempts_on_a_fresh_day_leave_the_rows_of_one(lake: Lake, place: Settings) -> None:
    began = begin(lake)
    for run, number in (("a", 1), ("b", 2)):
        build(lake, run, run, day(DAY, number), began)
    with ThreadPoolExecutor(2) as pool:
        ended = [future.exception() for future in [pool.submit(publish, "lake_days", run)
                                                   for run in ("a", "b")]]  # fmt: skip
    winner = ended.index(None) + 1
    assert sorted(map(type, ended), key=str) == sorted([type(None), StaleError], key=str)
    assert held(lake, EVENTS) == held(lake, PAIRS) == {DAY: [winner]}


def test_a_zombie_and_its_retry_publish_one_receipt_once(lake: Lake, place: Settings) -> None:
    build(lake, "a", "a", day(DAY, 1), begin(lake))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: publish("lake_days", "a"), range(4)))
    assert held(lake, EVENTS) == {DAY: [1]}
    snapshot = lake.snapshot_id(contracts()[EVENTS])
    publish("lake_days", "a")
    assert lake.snapshot_id(contracts()[EVENTS]) == snapshot


def test_a_day_that_is_there_twice_is_healed(lake: Lake) -> None:
    files = stage(lake, USERS, "a", {DAY: [1, 2]})
    for _ in range(2):
        lake.table(USERS).add_files(files, check_duplicate_files=False)
    assert held(lake, USERS.name) == {DAY: [1, 1, 2, 2]}
    commit(lake, USERS, [DAY], files, {})
    assert held(lake, USERS.name) == {DAY: [1, 2]}


def test_a_commit_that_meets_another_one_looks_again(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = stage(lake, USERS, "a", {DAY: [1]})
    table, met = Lake.table, []

    def meets(self: Lake, contract: Any) -> Any:
        found = table(self, contract)
        if not met:  # the same receipt, published by a zombie in between
            met.append(True)
            commit(Lake(place), USERS, [DAY], files, {})
        return found

    monkeypatch.setattr(Lake, "table", meets)
    commit(lake, USERS, [DAY], files, {})
    assert held(lake, USERS.name) == {DAY: [1]}


def test_an_older_attempt_does_not_replace_a_corrected_one(lake: Lake, place: Settings) -> None:
    build(lake, "wrong", "wrong", day(DAY, 1), begin(lake))
    publish("lake_days", "wrong")
    built_and_published(lake, "corrected", day(DAY, 2))
    with pytest.raises(StaleError, match=r"attempt corrected replaced core.events of 2026-03-10"):
        publish("lake_days", "wrong")  # its `publish` is cleared
    assert held(lake, EVENTS) == held(lake, PAIRS) == {DAY: [2]}


def test_the_newest_attempt_may_be_published_as_often_as_one_likes(
    lake: Lake, place: Settings
) -> None:
    for number in (1, 2):
        built_and_published(lake, f"attempt-{number}", day(DAY, number))
    for _ in range(2):
        publish("lake_days", "attempt-2")
    assert held(lake, EVENTS) == {DAY: [2]}


def test_what_was_made_from_rows_that_changed_is_refused(lake: Lake) -> None:
    built_and_published(lake, "first", day(DAY, 1))
    build(lake, "next", "next", day(NEXT, 2), begin(lake))
    built_and_published(lake, "corrected", day(DAY, 3))
    says = f"core.events of {NEXT} is made from core.events of {DAY}, which attempt corrected"
    with pytest.raises(StaleError, match=says):
        publish("lake_days", "next")
    assert held(lake, EVENTS) == {DAY: [3]}


def test_a_rerun_that_makes_the_same_rows_changes_nothing(lake: Lake, place: Settings) -> None:
    built_and_published(lake, "first", day(DAY, 1, 2))
    built_and_published(lake, "next", day(NEXT, 3))
    before = {name: lake.snapshot_id(contracts()[name]) for name in (EVENTS, DAILY, PAIRS)}
    built_and_published(lake, "again", day(DAY, 2, 1))
    after = {name: lake.snapshot_id(contracts()[name]) for name in (EVENTS, DAILY, PAIRS)}
    assert after == before
    assert stale(place) == []


def test_a_day_that_came_after_the_next_one_makes_that_stale(lake: Lake, place: Settings) -> None:
    built_and_published(lake, "next", day(NEXT, 2))
    assert readiness.committed(str(NEXT), [PAIRS]) is None
    built_and_published(lake, "late", day(DAY, 1))
    assert stale(place) == [(EVENTS, NEXT), (PAIRS, NEXT), (DAILY, NEXT)]
    said = readiness.committed(str(NEXT), [PAIRS])
    assert said is not None
    assert "features.user_category of 2026-03-11 is stale" in said
    assert "Trigger refresh" in said
    assert "stale" in str(readiness.days_before(str(NEXT + timedelta(days=1))))
    built_and_published(lake, "next-again", day(NEXT, 5))
    assert stale(place) == []
    assert readiness.committed(str(NEXT), [PAIRS]) is None


def test_rows_that_come_out_the_same_end_the_chain(lake: Lake, place: Settings) -> None:
    built_and_published(lake, "first", day(DAY, 1))
    built_and_published(lake, "next", day(NEXT, 2))
    changed = day(DAY, 1) | {EVENTS: {DAY: [9]}}
    built_and_published(lake, "corrected", changed)  # of which nothing follows for that day
    assert stale(place) == [(EVENTS, NEXT), (PAIRS, NEXT), (DAILY, NEXT)]
    built_and_published(lake, "events-only", {EVENTS: {NEXT: [2]}})
    assert stale(place) == []


def test_a_publication_that_was_cut_off_is_no_day(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_and_published(lake, "first", day(DAY, 1))
    build(lake, "second", "second", day(DAY, 2), begin(lake))
    done: list[str] = []

    def dies(lake: Lake, contract: Any, *more: Any) -> int | None:
        if done:
            raise SystemExit("killed")
        done.append(contract.name)
        return commit(lake, contract, *more)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "commit", dies)
        with pytest.raises(SystemExit):
            publish("lake_days", "second")
    assert held(lake, EVENTS) != held(lake, PAIRS), "half of it is there"
    said = readiness.committed(str(DAY), [EVENTS, PAIRS])
    assert said == (
        f"{EVENTS}, {PAIRS} of {DAY} are being replaced by attempt second; if its `publish` was "
        "cut off, clear that"
    )
    publish("lake_days", "second")
    assert held(lake, EVENTS) == held(lake, PAIRS) == {DAY: [2]}
    assert readiness.committed(str(DAY), [EVENTS, PAIRS]) is None


def test_another_attempt_takes_over_what_was_cut_off(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(lake, "first", "first", day(DAY, 1), begin(lake))
    build(lake, "beside", "beside", day(DAY, 7), begin(lake))

    def dies(*_: Any) -> int | None:
        commit(*_)
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "commit", dies)
        with pytest.raises(SystemExit):
            publish("lake_days", "first")
    with pytest.raises(StaleError):
        publish("lake_days", "beside")  # began before the other one committed
    built_and_published(lake, "second", day(DAY, 2))
    assert held(lake, EVENTS) == held(lake, PAIRS) == {DAY: [2]}
    with pytest.raises(StaleError):
        publish("lake_days", "first")


def test_an_erased_user_does_not_slip_in_beside_a_publication(lake: Lake, place: Settings) -> None:
    from include.audience.erasure import erase_contact
    from include.errors import LakeError

    build(lake, "a", "a", day(DAY, 1), begin(lake))
    erase_contact(1, "test")
    with pytest.raises(LakeError, match="before a user was erased"):
        publish("lake_days", "a")
    assert held(lake, EVENTS) == {}


def test_a_cut_off_commit_that_is_built_again_makes_its_followers_stale(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows came with the commit of the attempt that was killed, not with the next one's."""
    built_and_published(lake, "first", day(DAY, 1))
    built_and_published(lake, "next", day(NEXT, 2))
    build(lake, "killed", "killed", day(DAY, 3), begin(lake))
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_note", kill)
        with pytest.raises(KeyboardInterrupt):
            publish("lake_days", "killed")
    built_and_published(lake, "again", day(DAY, 3))
    assert held(lake, EVENTS)[DAY] == [3]
    assert (EVENTS, NEXT) in stale(place)
    assert not [table for table, when in stale(place) if when == DAY]


def kill(*_: Any) -> None:
    raise KeyboardInterrupt


def test_an_attempt_does_not_come_back_over_one_that_left_all_as_it_was(lake: Lake) -> None:
    """The source corrected a file and took it back: no commit tells, the note's time does."""
    built_and_published(lake, "first", day(DAY, 1))
    build(lake, "corrected", "corrected", day(DAY, 2), begin(lake))
    built_and_published(lake, "taken-back", day(DAY, 1))
    with pytest.raises(StaleError, match="attempt taken-back replaced"):
        publish("lake_days", "corrected")
    assert held(lake, EVENTS) == {DAY: [1]}


def test_accounting_is_that_of_the_attempt_whose_rows_are_there(
    lake: Lake, place: Settings
) -> None:
    """Both attempts made the same rows, of other files: the newer one knows where rows went."""
    rejected = "core.rejected_events"
    for run, landed in (("older", 2), ("newer", 1)):
        build(lake, run, run, {rejected: {DAY: []}, EVENTS: {DAY: [1]}}, begin(lake))
        uri = receipt_uri(place, run, "lake_days")
        counts = Accounting(
            table="events", ingest_date=DAY, landed=landed, accepted=1, rejected=0,
            duplicate=landed - 1, erased=0,
        )  # fmt: skip
        write_receipt(uri, read_receipt(uri).model_copy(update={"accounting": (counts,)}))
    publish("lake_days", "newer")
    publish("lake_days", "older")
    with engine(place).connect() as connection:
        landed = connection.scalar(text("select landed from analytics.ingest_accounting"))
        attempts = connection.scalars(
            text("select distinct attempt from analytics.lake_partitions")
        )
        assert (landed, list(attempts)) == (1, ["newer"])
