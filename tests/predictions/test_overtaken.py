"""Attempts that others overtook: lost sessions, restarts, pauses, erasures, newer scores."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from include.audience.warehouse_erasure import begin, erase_predictions
from include.database.address import database_url
from include.database.engine import engine
from include.embedded.postgres import stop_postgres
from include.errors import PublishRefusedError
from include.predictions import publish as publishing
from include.predictions import transition as transitions
from include.predictions.checks import loaded_checksum
from include.predictions.locks import day_lock
from include.predictions.revert import revert
from include.settings import Settings
from tests.predictions.own_warehouse import own_warehouse
from tests.predictions.score_rows import DAY, VISIBLE, go, query, scores

LOSE_THE_DAYS_LOCK = (
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'pipeline' "
    "and state = 'idle in transaction' and query like '%publication_locks%for update%'"
)
START = (
    "from include.embedded.postgres import start_postgres; from include.settings import settings; "
    "start_postgres(settings())"
)
PAUSE = """
import os, signal
from include.predictions import transition
from include.settings import settings
from tests.predictions.score_rows import go, scores
transition.PAUSE_MAX_MS = 2_000
transition._exchange = lambda *_: os.kill(os.getpid(), signal.SIGSTOP)
go(settings(), scores(version="2"))
"""
HELD = "select is_holding from predictions.reverts order by revert_id"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "LOCK_PAUSE_S", 0.2)


def lose_the_answer(monkeypatch: pytest.MonkeyPatch, then: Callable[[], Any]) -> None:
    """The next publication is committed; its answer gets lost, and something happens meanwhile."""
    whole = transitions._try

    def commit_and_break(*args: Any) -> Any:
        changed = whole(*args)
        if changed is None or not changed.states:
            return changed
        monkeypatch.setattr(transitions, "_try", whole)
        then()
        raise OperationalError("commit", {}, Exception("closed"), connection_invalidated=True)

    monkeypatch.setattr(transitions, "_try", commit_and_break)


@contextlib.contextmanager
def before_loading(monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]) -> Iterator[None]:
    """An attempt is on record and is about to load; what happens then happens once."""
    todo = [call]
    begin_, *rest = publishing.STEPS

    def pause(_attempt: Any) -> None:
        if todo:
            todo.pop()()

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "STEPS", (begin_, pause, *rest))
        yield


def refuse_once(replaced: threading.Event) -> Callable[[Connection], None]:
    """What `publish_day` asks the ledger."""

    def refuse(_: Connection) -> None:
        if replaced.is_set():
            raise PublishRefusedError("the lake holds another attempt")

    return refuse


def test_who_was_shown_once_does_not_come_back_over_a_newer_version(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(place, scores())

    def newer() -> None:
        query(place, LOSE_THE_DAYS_LOCK, "admin")
        go(place, scores(version="3"))

    lose_the_answer(monkeypatch, newer)
    go(place, scores(version="2"))
    assert query(place, VISIBLE) == [(DAY, 100, "3", "3")]


def test_who_was_shown_once_does_not_come_back_over_a_revert(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(place, scores())

    def take_back() -> None:
        query(place, LOSE_THE_DAYS_LOCK, "admin")
        revert(engine(place), DAY, None, "2 is wrong", "ann")

    lose_the_answer(monkeypatch, take_back)
    go(place, scores(version="2", replaces_revert=True))
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]
    assert query(place, HELD) == [(True,)]


def test_an_attempt_that_lost_the_days_lock_does_not_replace_what_began_later(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newer() -> None:
        query(place, LOSE_THE_DAYS_LOCK, "admin")
        go(place, scores(version="2"))

    with (
        before_loading(monkeypatch, newer),
        pytest.raises(PublishRefusedError, match="began after this one"),
    ):
        go(place, scores())
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]


def test_scores_that_others_took_the_place_of_while_they_waited_are_refused(
    place: Settings,
) -> None:
    """As a task that waits for the day while another run commits and publishes it."""
    replaced = threading.Event()
    raised: list[Exception] = []

    def stale() -> None:
        try:
            go(place, scores(refuse_stale=refuse_once(replaced)))
        except PublishRefusedError as error:
            raised.append(error)

    waiting = threading.Thread(target=stale)
    with day_lock(engine(place), DAY):
        waiting.start()
        replaced.set()
    waiting.join()
    assert len(raised) == 1
    assert query(place, VISIBLE) == []


def test_scores_that_are_replaced_while_they_load_are_refused(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = threading.Event()
    with before_loading(monkeypatch, replaced.set), pytest.raises(PublishRefusedError):
        go(place, scores(refuse_stale=refuse_once(replaced)))
    assert query(place, VISIBLE) == []


def test_unchanged_scores_that_replace_a_revert_let_the_day_go(place: Settings) -> None:
    go(place, scores())
    go(place, scores(version="2"))
    revert(engine(place), DAY, None, "2 is wrong", "ann")
    assert not go(place, scores(replaces_revert=True)).is_new
    assert query(place, HELD) == [(False,)]
    go(place, scores(version="3"))
    assert query(place, VISIBLE) == [(DAY, 100, "3", "3")]


@pytest.mark.parametrize(
    ("cut", "is_early"),
    [(1, False), (2, False), (2, True), (3, False), (3, True)],
    ids=["before it was loaded", "before it was checked", "before it was checked, reader first",
         "when it was checked", "when it was checked, reader first"],
)  # fmt: skip
def test_a_reader_who_began_after_an_erasure_never_sees_the_user(
    place: Settings, monkeypatch: pytest.MonkeyPatch, cut: int, is_early: bool
) -> None:
    """Erased to the end while the day was loaded: seen by nobody, however old their snapshot.

    A reader may begin (`is_early`) when the erasure has, before it deleted anything.
    """
    go(place, scores())
    reader = engine(place, "analyst").connect().execution_options(isolation_level="REPEATABLE READ")

    todo = [None]

    def erase_and_read(_: Any) -> None:
        if todo:
            todo.pop()
            with engine(place).begin() as connection:
                begin(connection, 7, "#1")
            if is_early:
                reader.execute(text("select count(*) from predictions.service_level"))
            erase_predictions(engine(place), 7)
            reader.execute(text("select count(*) from predictions.service_level"))

    steps = publishing.STEPS
    monkeypatch.setattr(publishing, "STEPS", (*steps[:cut], erase_and_read, *steps[cut:]))
    with reader:
        published = go(place, scores(version="2"))
        seen = reader.execute(
            text(
                "select count(*), count(*) filter (where user_id = 7), min(model_version) "
                "from predictions.campaign_propensity"
            )
        ).one()
    assert tuple(seen) == (98, 0, "2")
    books = query(place, "select row_count, checksum from predictions.publications "
                  "where publication_id = :id", id=published.publication_id)  # fmt: skip
    assert books == [(98, published.checksum)]
    assert loaded_checksum(database_url(place, "warehouse"), published.publication_id) == (
        published.checksum
    )


def test_who_is_erased_while_a_day_loads_makes_it_load_again(
    place: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The table isn't committed yet, so the erasure can't find it; its rows are frozen already."""
    copy = publishing.loading._copy
    todo = [None]

    def erase_first(*args: Any) -> Any:
        left_out = copy(*args)
        if todo:
            todo.pop()
            with engine(place).begin() as connection:
                begin(connection, 7, "#1")
        return left_out

    monkeypatch.setattr(publishing.loading, "_copy", erase_first)
    published = go(place, scores())
    assert "a user was erased while it was loaded" in caplog.text
    assert query(place, VISIBLE) == [(DAY, 98, "1", "1")]
    assert published.row_count == 98
    states = query(place, "select status from predictions.publications order by publication_id")
    assert states == [("rejected",), ("published",)]


def test_a_publisher_that_is_paused_in_the_exchange_stops_nobody(place: Settings) -> None:
    """A frozen container, a host that vanished: the server ends its session."""
    go(place, scores())
    paused = subprocess.Popen([sys.executable, "-c", PAUSE])
    try:
        os.waitid(os.P_PID, paused.pid, os.WSTOPPED | os.WNOWAIT)
        url = database_url(place, "warehouse", role="analyst")
        with psycopg.connect(url, options="-c statement_timeout=20s") as reader:
            rows = reader.execute("select count(*) from predictions.campaign_propensity").fetchall()
        assert rows == [(100,)]
        go(place, scores(DAY + timedelta(days=1)))
    finally:
        paused.kill()
        paused.wait()
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1"), (DAY + timedelta(days=1), 100, "1", "1")]


def test_a_restart_of_the_server_as_commit_is_answered_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As patient as in earnest: beside other tests, a server takes half a minute to start.
    monkeypatch.setattr(transitions, "LOCK_PAUSE_S", 1.0)
    with own_warehouse() as place:
        first = go(place, scores()).publication_id
        starting: list[subprocess.Popen[bytes]] = []

        def restart() -> None:
            for process in starting:
                process.wait(60)  # the server takes connections before it is prepared
            stop_postgres(place)
            starting.append(subprocess.Popen([sys.executable, "-c", START]))

        lose_the_answer(monkeypatch, restart)
        assert go(place, scores(version="2")).is_new
        lose_the_answer(monkeypatch, restart)
        assert revert(engine(place), DAY, None, "2 is wrong", "ann") == first
        assert [process.wait(60) for process in starting] == [0, 0]
        assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]


def test_a_check_that_is_ended_does_not_wait_for_the_index(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Airflow's timeout, which is no ordinary error."""

    def slow_index(connection: Any, _: int) -> None:
        connection.execute(text("select pg_sleep(30)"))

    def end(*_: Any, **__: Any) -> None:
        time.sleep(0.5)
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing.loading, "index", slow_index)
    monkeypatch.setattr(publishing.checks, "problems", end)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        go(place, scores())
    assert time.monotonic() - started < 15
