"""Loads that meet: another load, an erasure, a kill at any statement."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from include.audience import contacts
from include.audience.contacts import load_contacts
from include.audience.warehouse_erasure import begin
from include.database.engine import engine
from include.errors import WithheldError
from include.settings import Settings
from tests.audience.test_contacts import FIRST, SECOND, accounting, jsonl, land, refused
from tests.audience.test_contacts import contacts as known
from tests.predictions.score_rows import query


def landed(place: Settings) -> None:
    for day in (FIRST, SECOND):
        rows = [{"user_id": n, "email": f"{day}-{n}@example.org", "marketing_consent": True}
                for n in range(200)]  # fmt: skip
        land(place, day, "u.jsonl", jsonl(*rows, {"user_id": -1}))
        land(place, day, "_SUCCESS", "")


def at_once(*calls: Callable[[], Any]) -> None:
    errors: list[BaseException] = []

    def guarded(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def test_two_loads_of_the_same_days_end_as_one(place: Settings) -> None:
    landed(place)
    for _ in range(5):
        query(place, "delete from pii.contacts")
        at_once(*[lambda day=day: load_contacts(f"{day}", f"{day}") for day in (FIRST, SECOND) * 2])
        assert accounting(place) == [(day, 201, 200, 1, 0, 0) for day in (FIRST, SECOND)]
        assert len(refused(place)) == 2
        assert known(place) == {n: (f"{SECOND}-{n}@example.org", True) for n in range(200)}


@pytest.mark.parametrize("moment", ["_LEAVE_OUT_ERASED", "_UPSERT", "_WITHDRAW"])
def test_a_user_who_is_erased_during_a_load_is_gone_after_it(
    place: Settings, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    landed(place)
    land(place, FIRST, "v.jsonl", jsonl({"user_id": 7, "phone": 7}))
    erasures: list[threading.Thread] = []

    def erase() -> None:
        with engine(place).begin() as connection:
            begin(connection, 7, "#1")

    def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sql = " ".join(getattr(contacts, moment).split())[:40]
        if not erasures and " ".join(statement.split()).startswith(sql):
            erasures.append(threading.Thread(target=erase))
            erasures[0].start()
            time.sleep(0.5)  # it has written its list by then, and waits for the load's table

    event.listen(engine(place), "before_cursor_execute", before)
    load_contacts(f"{FIRST}", f"{FIRST}")
    erasures[0].join(30)
    assert 7 not in known(place)
    assert [user for _, _, user, _ in refused(place)] == [None]
    assert accounting(place)[0][3:] in ((1, 0, 1), (1, 0, 2)), "by the erasure, or by the load"
    load_contacts(f"{SECOND}", f"{SECOND}")
    assert 7 not in known(place)


def test_a_load_that_is_killed_before_any_statement_leaves_nothing(place: Settings) -> None:
    landed(place)
    load_contacts(f"{FIRST}", f"{FIRST}")
    before = known(place), refused(place), accounting(place)
    seen: list[str] = []
    kill_at = [-1]

    def kill(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "pg_terminate" in statement:
            return
        seen.append(statement)
        if len(seen) == kill_at[0]:
            pid = connection.connection.driver_connection.info.backend_pid
            query(place, "select pg_terminate_backend(:pid)", "admin", pid=pid)
            time.sleep(0.05)

    event.listen(engine(place), "before_cursor_execute", kill)
    statements = 0
    while True:
        kill_at[0] = statements = statements + 1
        seen.clear()
        try:
            load_contacts(f"{SECOND}", f"{SECOND}")
        except WithheldError:
            event.remove(engine(place), "before_cursor_execute", kill)
            assert (known(place), refused(place), accounting(place)) == before, seen[-1]
            event.listen(engine(place), "before_cursor_execute", kill)
        else:
            break
    assert statements > 8, "the load has that many statements, and was killed before each"
    assert accounting(place) == [(day, 201, 200, 1, 0, 0) for day in (FIRST, SECOND)]


def test_readers_of_addresses_do_not_wait_for_a_load(place: Settings) -> None:
    landed(place)

    def look(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "insert into pii.contacts" in statement:
            with engine(place, "admin").begin() as other:
                other.execute(text("set local lock_timeout = '1s'"))
                other.execute(text("select count(*) from pii.contacts")).one()
                looked.append(True)

    looked: list[bool] = []
    event.listen(engine(place), "before_cursor_execute", look)
    load_contacts(f"{FIRST}", f"{FIRST}")
    assert looked
