"""Bring a day of scores into a table of its own: COPY, frozen, and index it."""

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from include.database.tables.predictions import CampaignPropensity
from include.predictions.copy_rows import HEADER, TRAILER, binary_rows
from include.predictions.publications import table_name

COLUMNS = tuple(column.name for column in CampaignPropensity.__table__.columns)
SCORE_COLUMNS = tuple(name for name in COLUMNS if name != "publication_id")
_TYPES = {
    "score_date": pa.date32(), "campaign_id": pa.string(), "user_id": pa.int64(),
    "score": pa.float64(), "rank": pa.int32(), "decile": pa.int32(), "arm": pa.string(),
    "model_version": pa.string(),
}  # fmt: skip
LOADED_SCHEMA = pa.schema([(name, _TYPES[name]) for name in SCORE_COLUMNS])
"""Types of the loaded rows as the lake has them, so that checksums can be compared."""
_NARROW = {"decile": pa.int16()}


def load(
    uri: str,
    publication_id: int,
    batches: Callable[[], Iterator[pa.RecordBatch]],
    correct_books: Callable[[psycopg.Connection, pa.Table], None] = lambda *_: None,
) -> frozenset[int]:
    """Fill the publication's table; rows are frozen, so every snapshot sees them all or none.

    Rows that are younger than a reader's snapshot (`repeatable read`) would be invisible to it, and
    the day it finds attached empty. COPY freezes them, where the table is made in the same
    transaction; ADBC, which is quick at loading, can't ask for that.

    Args:
        uri: The warehouse, for libpq.
        publication_id: The attempt.
        batches: Gives the rows, `SCORE_COLUMNS` in order.
        correct_books: Is given the rows that were left out, since their users were erased (once
            rows are frozen, no snapshot misses them); in the same transaction: who erases next
            finds table and books agreed.

    Returns:
        Who had been erased by then. Of anybody else, rows may be in the table.

    Raises:
        ValueError: A value is null, or not of its column's type.
    """
    name = table_name(publication_id)
    with psycopg.connect(uri) as connection:
        connection.execute(
            f"create table {name} (like predictions.campaign_propensity including defaults)"
        )
        erased = [user for (user,) in connection.execute("select user_id from pii.erasures")]
        left_out = _copy(connection, publication_id, batches(), pa.array(erased, pa.int64()))
        if left_out.num_rows:
            correct_books(connection, left_out)
    return frozenset(erased)


def _copy(
    connection: psycopg.Connection,
    publication_id: int,
    batches: Iterator[pa.RecordBatch],
    erased: pa.Array,
) -> pa.Table:
    left_out = []
    columns = ", ".join(COLUMNS)
    copy = f"copy {table_name(publication_id)} ({columns}) from stdin (format binary, freeze)"
    with connection.cursor() as cursor, cursor.copy(copy) as into:
        into.write(HEADER)
        for batch in batches:
            rows = batch.select(list(SCORE_COLUMNS)).cast(LOADED_SCHEMA)
            is_erased = pc.is_in(rows.column("user_id"), erased)
            left_out.append(rows.filter(is_erased))
            if left_out[-1].num_rows:
                rows = rows.filter(pc.invert(is_erased))
            for block in binary_rows(_as_in_table(rows, publication_id)):
                into.write(block)
        into.write(TRAILER)
    return pa.Table.from_batches(left_out, LOADED_SCHEMA)


def _as_in_table(rows: pa.RecordBatch, publication_id: int) -> pa.RecordBatch:
    columns = [
        rows.column(name).cast(_NARROW[name]) if name in _NARROW else rows.column(name)
        for name in SCORE_COLUMNS
    ]
    ids = pa.repeat(pa.scalar(publication_id, pa.int64()), rows.num_rows)
    return pa.RecordBatch.from_arrays([*columns, ids], names=list(COLUMNS))


def index(connection: Connection, publication_id: int) -> None:
    """Index the table; it can be read meanwhile."""
    name = table_name(publication_id)
    short = name.split(".")[1]
    for statement in (
        f"create unique index {short}_pkey on {name} (user_id, campaign_id, score_date)",
        f"create index {short}_rank on {name} (campaign_id, rank)",
        f"create index {short}_score on {name} (campaign_id, score desc)",
        f"analyze {name}",
    ):
        connection.execute(text(statement))


def constrain(connection: Connection, publication_id: int, day: date) -> None:
    """Give the table what its place among the partitions asks for, so that attaching is quick."""
    name = table_name(publication_id)
    short = name.split(".")[1]
    for statement in (
        # The primary key proves one row a pair; the check spares the scan at ATTACH.
        f"alter table {name} add primary key using index {short}_pkey",
        f"alter table {name} add constraint {short}_day check (score_date = date '{day}')",
    ):
        connection.execute(text(statement))
