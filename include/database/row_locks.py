"""Locks that are rows of a table which only `pipeline` may lock.

Advisory locks would be at hand for every role: an idle `analyst` could stop all publications. A
row's lock ends with its session, however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.database.base import Base


def lock_row(connection: Connection, table: type[Base], name: str, wait_ms: int = 60_000) -> None:
    """Take a lock until the caller's transaction ends.

    Args:
        connection: In a transaction.
        table: Of locks: its key is `lock_name`.
        name: The lock.
        wait_ms: How long others may keep it; then Postgres says `55P03`.
    """
    connection.execute(text(f"set local lock_timeout = {int(wait_ms)}"))
    have_row(connection, table, name)
    connection.execute(
        text(f"select from {table.__table__} where lock_name = :name for update"),
        {"name": name},
    )


@contextmanager
def held(engine: Engine, table: type[Base], name: str, wait_ms: int) -> Iterator[None]:
    """Keep others out who ask for the same lock, beside transactions of the caller's own."""
    with engine.begin() as connection:  # a row that isn't committed can't be waited for in peace
        have_row(connection, table, name)
    with engine.connect() as holder:
        lock_row(holder, table, name, wait_ms)
        try:
            yield
        finally:
            _let_go(holder)


def have_row(connection: Connection, table: type[Base], name: str) -> None:
    """Make sure that there is something to lock."""
    connection.execute(
        text(
            f"insert into {table.__table__} (lock_name) values (:name) "  # noqa: S608
            "on conflict do nothing"
        ),
        {"name": name},
    )


def _let_go(holder: Connection) -> None:
    try:
        holder.rollback()
    except DBAPIError:
        holder.invalidate()  # the session is gone, and its lock with it
