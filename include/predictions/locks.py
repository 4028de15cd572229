"""Locks of publications: rows of a table that only `pipeline` may lock.

Advisory locks would be at hand for every role: an idle `analyst` could stop all publications.
A row's lock ends with its session, however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

EXCHANGE = "exchange"
"""Held while a state is changed: for milliseconds, or as long as a reader's lock is waited for."""
WAIT_MS = 600_000
"""How long an attempt waits for another one on the same day."""


def day_name(day: date) -> str:
    """Name of the lock that keeps attempts on one day apart."""
    return f"day {day.isoformat()}"


def lock_row(connection: Connection, name: str, wait_ms: int = 60_000) -> None:
    """Take a lock until the caller's transaction ends.

    Args:
        connection: In a transaction.
        name: The lock.
        wait_ms: How long others may keep it; then Postgres says `55P03`.
    """
    connection.execute(text(f"set local lock_timeout = {int(wait_ms)}"))
    _have_row(connection, name)
    connection.execute(
        text("select from predictions.publication_locks where lock_name = :name for update"),
        {"name": name},
    )


@contextmanager
def day_lock(engine: Engine, day: date, *, wait_ms: int = WAIT_MS) -> Iterator[None]:
    """Keep other attempts on the same day out."""
    name = day_name(day)
    with engine.begin() as connection:  # a row that isn't committed can't be waited for in peace
        _have_row(connection, name)
    with engine.connect() as holder:
        lock_row(holder, name, wait_ms)
        try:
            yield
        finally:
            _let_go(holder)


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


def _have_row(connection: Connection, name: str) -> None:
    connection.execute(
        text(
            "insert into predictions.publication_locks (lock_name) values (:name) "
            "on conflict do nothing"
        ),
        {"name": name},
    )


def _let_go(holder: Connection) -> None:
    try:
        holder.rollback()
    except DBAPIError:
        holder.invalidate()  # the session is gone, and its lock with it
