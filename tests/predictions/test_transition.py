"""One place where publications change state: races, lost answers, erasure, readers in the way."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from include.audience.warehouse_erasure import begin, erase_predictions
from include.database.engine import engine
from include.errors import PublishError
from include.predictions import publish as publishing
from include.predictions import transition as transitions
from include.predictions.revert import revert
from include.predictions.transition import Change, Day, transition
from include.settings import Settings
from tests.predictions.score_rows import DAY, STATUS, TABLES, VISIBLE, go, query, scores

LATEST = "select distinct score_date from predictions.latest_campaign_propensity"


def together(*calls: Callable[[], Any]) -> list[BaseException]:
    """Run calls at the same time; what they raised."""
    raised: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "LOCK_PAUSE_S", 0.05)
    monkeypatch.setattr(transitions, "LOCK_PAUSE_MAX_S", 0.1)


def test_of_two_new_days_at_once_the_view_shows_the_newer(place: Settings, quick: None) -> None:
    """As a backfill with two runs at a time does; the order of their commits is chance."""
    for number in range(0, 12, 2):
        days = [DAY + timedelta(days=number + n) for n in (1, 2)]
        raised = together(*[lambda day=day: go(place, scores(day, users=10)) for day in days])
        assert raised == []
        assert query(place, LATEST, "analyst") == [(days[1],)]


def test_whoever_decides_is_alone_until_it_is_done(place: Settings) -> None:
    """What one decides, it decides by states that another would change: even of another day."""
    go(place, scores())
    decides, may_go_on = threading.Event(), threading.Event()

    def slow(_: Any, __: Day) -> None:
        decides.set()
        assert may_go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(transition, engine(place), DAY, slow)
        assert decides.wait(30)
        second = pool.submit(transition, engine(place), DAY + timedelta(days=1), lambda *_: None)
        with pytest.raises(TimeoutError):
            second.exception(timeout=2)
        may_go_on.set()
        assert first.exception() is None
        assert second.exception() is None


def test_a_view_that_shows_another_day_is_mended_by_an_unchanged_rerun(place: Settings) -> None:
    go(place, scores())
    go(place, scores(DAY + timedelta(days=1)))
    query(place, "create or replace view predictions.latest_campaign_propensity as select * from "
          f"predictions.campaign_propensity where score_date = date '{DAY}'")  # fmt: skip
    assert not go(place, scores()).is_new
    assert query(place, LATEST) == [(DAY + timedelta(days=1),)]


def lose_answers(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The change is committed, and the connection breaks before the answer arrives."""
    whole = transitions._try
    lost = 0

    def change_and_break(*args: Any) -> Any:
        nonlocal lost
        changed = whole(*args)
        if changed is not None and lost < times:
            lost += 1
            raise OperationalError(
                "commit", {}, Exception("server closed"), connection_invalidated=True
            )
        return changed

    monkeypatch.setattr(transitions, "_try", change_and_break)
    monkeypatch.setattr(transitions, "LOCK_PAUSE_S", 0.01)


def test_a_lost_answer_to_commit_loses_nothing(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(place, scores())
    lose_answers(monkeypatch, 1)
    published = go(place, scores(version="2"))
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]
    assert published.is_new
    assert [status for _, status in query(place, STATUS)] == ["superseded", "published"]


def test_if_every_answer_is_lost_what_is_visible_is_found_and_kept(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(place, scores())

    def always(*args: Any) -> Any:
        whole(*args)
        raise OperationalError("commit", {}, Exception("closed"), connection_invalidated=True)

    whole = transitions._try
    monkeypatch.setattr(transitions, "LOCK_PAUSE_S", 0.01)
    monkeypatch.setattr(publishing, "drop_leftovers", lambda *_: [])
    monkeypatch.setattr(publishing, "_unchanged", lambda *_: None)
    monkeypatch.setattr(transitions, "_try", always)
    assert go(place, scores(version="2")).is_new
    monkeypatch.setattr(transitions, "_try", whole)
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]


def test_a_revert_whose_answer_was_lost_is_done_once(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = go(place, scores()).publication_id
    go(place, scores(version="2"))
    lose_answers(monkeypatch, 1)
    assert revert(engine(place), DAY, None, "wrong prices", "ann") == first
    assert query(place, "select count(*) from predictions.reverts") == [(1,)]


def test_what_was_visible_once_is_no_leftover(place: Settings) -> None:
    """Whatever its record says: a version that readers saw may have to come back."""
    first = go(place, scores()).publication_id
    go(place, scores(version="2"))
    query(place, "update predictions.publications set status = 'rejected' where "
          "publication_id = :id", "admin", id=first)  # fmt: skip
    go(place, scores(version="3"))
    assert (f"publication_{first}",) in query(place, TABLES)


def test_nobody_may_ask_for_nonsense(place: Settings) -> None:
    number = go(place, scores()).publication_id
    wishes = {
        "has no table any more": Change(visible=99, states={99: ("published", "")}),
        "is visible and isn't dropped": Change(visible=number, drop=(number,)),
        "would be published and None visible": Change(visible=None),
    }
    for sentence, wish in wishes.items():
        with pytest.raises(PublishError, match=sentence):
            transition(engine(place), DAY, lambda _connection, _day, wish=wish: wish)
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]


def erase(place: Settings, user: int) -> dict[str, int]:
    with engine(place).begin() as connection:
        begin(connection, user, "#123")
    return erase_predictions(engine(place), user)


def test_a_publication_that_waited_through_an_erasure_leaves_the_user_out(
    place: Settings, quick: None
) -> None:
    go(place, scores())
    reader = engine(place, "analyst").connect()
    reader.execute(text("select count(*) from predictions.campaign_propensity"))
    publisher = threading.Thread(target=go, args=(place, scores(version="2")))
    publisher.start()
    waiting = "select count(*) from pg_stat_activity where query like 'lock table only%' "
    for _ in range(100):
        if query(place, waiting + "and wait_event_type = 'Lock'", "admin") != [(0,)]:
            break
        time.sleep(0.05)
    erasing = threading.Thread(target=erase, args=(place, 7))
    erasing.start()
    time.sleep(0.3)
    reader.rollback()
    reader.close()
    publisher.join()
    erasing.join()
    assert query(place, VISIBLE) == [(DAY, 98, "2", "2")]
    for (name,) in query(place, TABLES):
        assert query(place, f"select count(*) from predictions.{name} where user_id = 7") == [(0,)]
    ((count, rows),) = query(place, "select row_count, (select count(*) from "
                             "predictions.campaign_propensity) from predictions.publications "
                             "where status = 'published'")  # fmt: skip
    assert count == rows == 98


def test_rows_of_whoever_was_erased_since_the_build_do_not_become_visible(place: Settings) -> None:
    erase(place, 7)
    published = go(place, scores())
    assert query(place, VISIBLE) == [(DAY, 98, "1", "1")]
    ((count,),) = query(place, "select row_count from predictions.publications")
    assert count == published.row_count == 98


def test_readers_that_outlast_the_patience_are_ended_and_named(
    place: Settings, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    go(place, scores())
    query(place, "update predictions.service_level set reader_patience_s = 1", "admin")
    with engine(place, "analyst").connect() as reader:
        pid = reader.scalar(text("select pg_backend_pid()"))
        reader.execute(text("select count(*) from predictions.campaign_propensity"))
        go(place, scores(version="2"))
        assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]
        with pytest.raises(DBAPIError, match="terminat"):
            reader.execute(text("select 1"))
    assert f"ended the session of analyst_login (pid {pid}, idle in transaction" in caplog.text


def test_the_pipelines_own_sessions_are_never_ended(place: Settings, quick: None) -> None:
    go(place, scores())
    query(place, "update predictions.service_level set reader_patience_s = 1", "admin")
    own = engine(place).connect()
    own.execute(text("select count(*) from predictions.campaign_propensity"))
    threading.Timer(4, own.rollback).start()
    go(place, scores(version="2"))
    assert own.scalar(text("select 1")) == 1
    own.close()


def test_who_reads_without_pause_is_ended_too(place: Settings, quick: None) -> None:
    """Short queries that overlap: at no moment is the table free."""
    go(place, scores())
    query(place, "update predictions.service_level set reader_patience_s = 2", "admin")
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                query(place, "select count(*), pg_sleep(1) from predictions.campaign_propensity",
                      "analyst")  # fmt: skip
            except DBAPIError:
                continue

    readers = [threading.Thread(target=read) for _ in range(3)]
    for number, reader in enumerate(readers):
        reader.start()
        time.sleep(0.3 + 0.01 * number)
    try:
        go(place, scores(version="2"))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]


def test_only_the_pipeline_can_take_the_locks(place: Settings) -> None:
    for role in ("analyst", "marketing"):
        for sql in ("select * from predictions.publication_locks for update",
                    "select predictions.end_blockers(1)"):  # fmt: skip
            with pytest.raises(DBAPIError, match="permission denied"):
                query(place, sql, role)  # type: ignore[arg-type]


def test_a_day_without_publications_is_left_alone(place: Settings) -> None:
    seen: list[Day] = []

    def look(_connection: Any, day: Day) -> None:
        seen.append(day)

    assert transition(engine(place), date(2026, 1, 1), look) is None
    assert seen[0].visible is None
    assert not seen[0].versions
