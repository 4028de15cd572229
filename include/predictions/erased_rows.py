"""Rows of users who were erased, in a publication's table; and the books that follow.

The row count and the checksum of the publication follow: without that, the next run of the day,
which no longer scores the user, would look like new content.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select, text, update

from include.database.tables.predictions import Publication
from include.lake.checksum import rows_checksum, subtract_checksum
from include.predictions.loading import LOADED_SCHEMA, SCORE_COLUMNS
from include.predictions.publications import table_name

EVERYBODY = "user_id in (select user_id from pii.erasures)"


@dataclass(frozen=True)
class Removed:
    """What was taken out of a table."""

    rows: int
    users: int
    checksum: str
    """Of these rows."""


def remove_erased(
    connection: Connection,
    publication_id: int,
    user_id: int | None = None,
) -> Removed:
    """Delete the rows of whoever is in `pii.erasures` from a publication's table.

    Args:
        connection: In the transaction that holds the lock of the exchange.
        publication_id: The publication; its table exists.
        user_id: Only this user's; they are erased in any case.
    """
    where = EVERYBODY if user_id is None else "user_id = :user"
    names = ", ".join(SCORE_COLUMNS)
    gone = connection.execute(
        text(f"delete from {table_name(publication_id)} where {where} returning {names}"),  # noqa: S608
        {} if user_id is None else {"user": user_id},
    ).all()
    columns: list[Any] = list(zip(*gone, strict=True)) if gone else [()] * len(LOADED_SCHEMA)
    rows = pa.table(
        [pa.array(c, field.type) for c, field in zip(columns, LOADED_SCHEMA, strict=True)],
        schema=LOADED_SCHEMA,
    )
    taken = removed(rows)
    if gone:
        _correct_books(connection, publication_id, taken)
    return taken


def removed(rows: pa.Table) -> Removed:
    """Sum up rows that are taken out, or were never put in."""
    users = len(pc.unique(rows.column("user_id")))
    return Removed(rows.num_rows, users, rows_checksum(rows))


def _correct_books(connection: Connection, publication_id: int, gone: Removed) -> None:
    """Let the publication's row count and checksum follow."""
    row = connection.execute(
        select(Publication.checksum, Publication.row_count).where(
            Publication.publication_id == publication_id
        )
    ).one()
    connection.execute(
        update(Publication)
        .where(Publication.publication_id == publication_id)
        .values(
            checksum=subtract_checksum(row.checksum, gone.checksum),
            row_count=row.row_count - gone.rows,
        )
    )
