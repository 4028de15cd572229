"""Insert rows, or update those whose key is there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.dialects.postgresql import insert

from include.database.base import Base

# Postgres takes 65,535 parameters a statement; our widest row has 15.
BATCH_ROWS = 2_000


def upsert(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> int:
    """Insert `rows`, replacing those with the same primary key. The caller owns the transaction.

    Returns:
        Rows written. Applying the same rows twice equals once.
    """
    table = model.__table__
    key = [column.name for column in inspect(model).primary_key]
    for start in range(0, len(rows), BATCH_ROWS):
        statement = insert(model).values(list(rows[start : start + BATCH_ROWS]))
        updates = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=updates))
    return len(rows)
