"""Bring a day of scores into a table of its own: COPY, freeze, index."""

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pyarrow as pa
from adbc_driver_postgresql import dbapi
from sqlalchemy import Connection, text

from include.database.tables.predictions import CampaignPropensity
from include.predictions.publications import loading_name, table_name

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
    before_freeze: Callable[[], None] = lambda: None,
) -> None:
    """Fill the publication's table; rows are frozen, so every snapshot sees them all or none.

    ADBC loads a million rows a second, but can't freeze: rows that are younger than a reader's
    snapshot (`repeatable read`) would be invisible to it, and the day it finds attached empty. So
    they go on from the first table to the second by a COPY with FREEZE, inside the server's pipes.

    Args:
        uri: The warehouse, for libpq.
        publication_id: The attempt.
        batches: Gives the rows, `SCORE_COLUMNS` in order.
        before_freeze: Takes rows out of the first table: once frozen, no snapshot misses them.
    """
    loading, final = loading_name(publication_id), table_name(publication_id)
    like = "(like predictions.campaign_propensity including defaults)"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"create unlogged table {loading} {like}")
        ingest(uri, loading, publication_id, batches)
        before_freeze()
        with psycopg.connect(uri) as writer:
            # FREEZE asks for a table made in the same transaction.
            writer.execute(f"create table {final} {like}")
            _freeze(connection, loading, writer, final)
        connection.execute(f"drop table {loading}")


def _freeze(source: psycopg.Connection, loading: str, writer: psycopg.Connection, to: str) -> None:
    with (
        source.cursor() as reading,
        writer.cursor() as writing,
        reading.copy(f"copy {loading} to stdout (format binary)") as rows,
        writing.copy(f"copy {to} from stdin (format binary, freeze)") as into,
    ):
        for block in rows:
            into.write(block)


def ingest(
    uri: str, table: str, publication_id: int, batches: Callable[[], Iterator[pa.RecordBatch]]
) -> None:
    """Add rows, `SCORE_COLUMNS` in order, to a table with a schema's name before its own."""

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in batches():
            ids = pa.array([publication_id] * batch.num_rows, pa.int64())
            columns = [
                batch.column(name).cast(_NARROW[name]) if name in _NARROW else batch.column(name)
                for name in SCORE_COLUMNS
            ]
            yield pa.RecordBatch.from_arrays([*columns, ids], names=list(COLUMNS))

    stream = rows()
    first = next(stream, None)
    if first is None:
        return

    def again() -> Iterator[pa.RecordBatch]:
        yield first
        yield from stream

    schema, name = table.split(".")
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        reader = pa.RecordBatchReader.from_batches(first.schema, again())
        cursor.adbc_ingest(name, reader, mode="append", db_schema_name=schema)
        connection.commit()


def index(connection: Connection, publication_id: int, day: date) -> None:
    """Give the table what its place among the partitions asks for, so that attaching is quick."""
    name = table_name(publication_id)
    short = name.split(".")[1]
    for statement in (
        # The primary key proves one row a pair; the check spares the scan at ATTACH.
        f"alter table {name} add primary key (user_id, campaign_id, score_date)",
        f"create index {short}_rank on {name} (campaign_id, rank)",
        f"create index {short}_score on {name} (campaign_id, score desc)",
        f"alter table {name} add constraint {short}_day check (score_date = date '{day}')",
        f"analyze {name}",
    ):
        connection.execute(text(statement))
