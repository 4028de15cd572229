"""Readers who keep a publication waiting beyond its patience are ended; never the reverse."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)

GRACE_S = 0.7
"""How long readers may take to end by themselves, once the lock is asked for."""
AGAIN_S = 0.3
ROUNDS = 6


@contextmanager
def ended(engine: Engine, waiting: Connection, day: date) -> Iterator[None]:
    """While the caller waits for its locks, end the sessions that it waits for.

    Args:
        engine: The warehouse, for a second session: the waiting one can't look.
        waiting: Waits within the context.
        day: For the log.
    """
    pid = waiting.scalar(text("select pg_backend_pid()"))
    is_over = threading.Event()

    def watch() -> None:
        is_done = is_over.wait(GRACE_S)
        for _ in range(ROUNDS):
            if is_done:
                return
            try:
                _end(engine, int(pid), day)
            except DBAPIError as error:
                log.warning("%s: readers could not be ended: %s", day, error.orig)
                return
            is_done = is_over.wait(AGAIN_S)

    watcher = threading.Thread(target=watch, name="blockers", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _end(engine: Engine, waiting_pid: int, day: date) -> None:
    with engine.begin() as connection:
        for row in connection.execute(
            text("select * from predictions.end_blockers(:pid)"), {"pid": waiting_pid}
        ):
            log.warning(
                "%s: ended the session of %s (pid %d, %s, in a transaction since %s): it kept the "
                "publication waiting",
                day, row.role_name, row.pid, row.state, row.since,
            )  # fmt: skip
