"""Locks of publications: one for the exchange, and one a day that keeps attempts on it apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection, Engine, text

from include.database import row_locks
from include.database.tables.predictions import PublicationLock

EXCHANGE = "exchange"
"""Held while a state is changed: for milliseconds, or as long as a reader's lock is waited for."""
WAIT_MS = 600_000
"""How long an attempt waits for another one on the same day."""


def day_name(day: date) -> str:
    """Name of the lock that keeps attempts on one day apart."""
    return f"day {day.isoformat()}"


def lock_exchange(connection: Connection) -> None:
    """Keep others from changing states until the caller's transaction ends."""
    row_locks.lock_row(connection, PublicationLock, EXCHANGE)


@contextmanager
def day_lock(engine: Engine, day: date, *, wait_ms: int = WAIT_MS) -> Iterator[None]:
    """Keep other attempts on the same day out."""
    with row_locks.held(engine, PublicationLock, day_name(day), wait_ms):
        yield


def try_day(connection: Connection, day: date) -> bool:
    """Whether no attempt on the day is running; keeps new ones out until the transaction ends."""
    locked = connection.execute(
        text(
            "select 1 from predictions.publication_locks where lock_name = :name "
            "for update skip locked"
        ),
        {"name": day_name(day)},
    ).first()
    known = connection.execute(
        text("select 1 from predictions.publication_locks where lock_name = :name"),
        {"name": day_name(day)},
    ).first()
    return bool(locked) or not known
