"""Yardstick: the same rows by one COPY, and the same indexes; no checks, no freezing."""

import time
from collections.abc import Iterator
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi
from sqlalchemy import text

from include.database.address import database_url
from include.database.engine import engine
from include.predictions.loading import COLUMNS, SCORE_COLUMNS
from include.settings import settings
from tests.bench.yardsticks.work import Work, work

TABLE = "public.bare_scores"
INDEXES = (
    f"alter table {TABLE} add primary key (user_id, campaign_id, score_date)",
    f"create index on {TABLE} (campaign_id, rank)",
    f"create index on {TABLE} (campaign_id, score desc)",
    f"analyze {TABLE}",
)


def main(asked: Work) -> None:
    """Load and index; the table goes when it is done."""

    def batches() -> Iterator[pa.RecordBatch]:
        for path in asked.rows:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=list(SCORE_COLUMNS)):
                    ids = pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows)
                    narrow = batch.column("decile").cast(pa.int16())
                    whole = batch.set_column(SCORE_COLUMNS.index("decile"), "decile", narrow)
                    yield pa.RecordBatch.from_arrays([*whole.columns, ids], names=list(COLUMNS))

    uri = database_url(settings(), "warehouse", role="admin")
    with engine(settings(), "admin").begin() as connection:
        connection.execute(
            text(f"create table {TABLE} (like predictions.campaign_propensity including defaults)")
        )
    started = time.monotonic()
    schema, name = TABLE.split(".")
    stream = batches()
    first = next(stream)
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], stream))
        cursor.adbc_ingest(name, reader, mode="append", db_schema_name=schema)
        connection.commit()
    with engine(settings(), "admin").begin() as connection:
        for statement in INDEXES:
            connection.execute(text(statement))
    print(f"[timed] {time.monotonic() - started:.3f} s", flush=True)
    with engine(settings(), "admin").begin() as connection:
        count = connection.execute(text(f"select count(*) from {TABLE}")).scalar_one()
        print(f"[rows] {count}", flush=True)
        connection.execute(text(f"drop table {TABLE}"))


if __name__ == "__main__":
    main(work())
