"""Rows of users who were erased, in a publication's table; and the books that follow.

The row count and the checksum of the publication follow: without that, the next run of the day,
which no longer scores the user, would look like new content.
"""

import pyarrow as pa
from sqlalchemy import Connection, select, text, update

from include.database.tables.predictions import Publication
from include.lake.checksum import rows_checksum, subtract_checksum
from include.predictions.loading import LOADED_SCHEMA, SCORE_COLUMNS
from include.predictions.publications import table_name

EVERYBODY = "user_id in (select user_id from pii.erasures)"


def remove_erased(connection: Connection, publication_id: int, user_id: int | None = None) -> int:
    """Delete the rows of whoever is in `pii.erasures` from a publication's table.

    Args:
        connection: In the transaction that holds the lock of the exchange.
        publication_id: The publication; its table exists.
        user_id: Only this user's; they are erased in any case.

    Returns:
        Rows removed.
    """
    where = EVERYBODY if user_id is None else "user_id = :user"
    names = ", ".join(SCORE_COLUMNS)
    gone = connection.execute(
        text(f"delete from {table_name(publication_id)} where {where} returning {names}"),  # noqa: S608
        {} if user_id is None else {"user": user_id},
    ).all()
    if not gone:
        return 0
    columns = list(zip(*gone, strict=True))
    table = pa.table(
        [pa.array(c, field.type) for c, field in zip(columns, LOADED_SCHEMA, strict=True)],
        schema=LOADED_SCHEMA,
    )
    row = connection.execute(
        select(Publication.checksum, Publication.row_count).where(
            Publication.publication_id == publication_id
        )
    ).one()
    connection.execute(
        update(Publication)
        .where(Publication.publication_id == publication_id)
        .values(
            checksum=subtract_checksum(row.checksum, rows_checksum(table)),
            row_count=row.row_count - len(gone),
        )
    )
    return len(gone)
