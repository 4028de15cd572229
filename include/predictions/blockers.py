"""Who keeps a publication or an erasure waiting beyond its patience is ended; never the reverse."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.database.sqlstates import LOCK_NOT_AVAILABLE, sqlstate

log = logging.getLogger(__name__)

GRACE_S = 0.7
"""How long readers may take to end by themselves, once the lock is asked for."""
AGAIN_S = 0.3
ROUNDS = 6


TRY_MS = 700
"""Whoever comes meanwhile waits as long."""
PAUSE_S = 1.0
LAST_TRY_MS = 10_000


def patience_s(connection: Connection) -> float:
    """After so long, who is still waited for is ended; `reader_patience_s` sets it."""
    found = connection.scalar(text("select reader_patience_s from predictions.service_level"))
    return float(found)


@contextmanager
def without_writers(engine: Engine, tables: Sequence[str], what: str) -> Iterator[Connection]:
    """A transaction that sees all that others wrote to some tables, and in which nobody writes.

    Who holds them longer than the patience is ended: a team that reserves and never commits would
    keep an erasure waiting for ever.

    Args:
        engine: The warehouse, as `pipeline`.
        tables: What to lock, in the order in which others do.
        what: For the log: what keeps them waiting.

    Raises:
        DBAPIError: They could not be had all the same.
    """
    began = time.monotonic()
    while True:
        with engine.begin() as connection:
            is_last = time.monotonic() - began > patience_s(connection)
            try:
                with ended(engine, connection, what) if is_last else nullcontext():
                    for table in tables:
                        wait_ms = LAST_TRY_MS if is_last else TRY_MS
                        connection.execute(text(f"set local lock_timeout = {wait_ms}"))
                        connection.execute(text(f"lock table {table} in share row exclusive mode"))
            except DBAPIError as error:
                if is_last or sqlstate(error) != LOCK_NOT_AVAILABLE:
                    raise
                connection.rollback()
            else:
                yield connection
                return
        log.info("%s waits for a transaction that writes to %s", what, ", ".join(tables))
        time.sleep(PAUSE_S)


@contextmanager
def ended(engine: Engine, waiting: Connection, what: str) -> Iterator[None]:
    """While the caller waits for its locks, end the sessions that it waits for.

    Args:
        engine: The warehouse, for a second session: the waiting one can't look.
        waiting: Waits within the context.
        what: For the log: what is kept waiting.
    """
    pid = waiting.scalar(text("select pg_backend_pid()"))
    is_over = threading.Event()
    told: set[int] = set()

    def watch() -> None:
        is_done = is_over.wait(GRACE_S)
        for _ in range(ROUNDS):
            if is_done:
                return
            try:
                _end(engine, int(pid), what, told)
            except DBAPIError as error:
                log.warning("%s: who it waits for could not be ended: %s", what, error.orig)
                return
            is_done = is_over.wait(AGAIN_S)

    watcher = threading.Thread(target=watch, name="blockers", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _end(engine: Engine, waiting_pid: int, what: str, told: set[int]) -> None:
    with engine.begin() as connection:
        for row in connection.execute(
            text("select * from predictions.end_blockers(:pid)"), {"pid": waiting_pid}
        ):
            if row.pid in told:
                # A few functions of the server never look whether they are to end.
                log.error(
                    "the session of %s (pid %d) was told to end and is still there: it keeps %s "
                    "waiting. See docs/runbook.md, A session that does not end",
                    row.role_name, row.pid, what,
                )  # fmt: skip
                continue
            told.add(row.pid)
            log.warning(
                "ended the session of %s (pid %d, %s, in a transaction since %s): it kept %s "
                "waiting",
                row.role_name, row.pid, row.state, row.since, what,
            )  # fmt: skip
