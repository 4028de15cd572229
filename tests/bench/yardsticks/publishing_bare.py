"""Yardstick: the same rows by one COPY, and the same indexes; no checks, no freezing."""

import time
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi
from sqlalchemy import text

from include.database.address import database_url
from include.database.engine import engine
from include.predictions.loading import LOADED_SCHEMA, SCORE_COLUMNS
from include.settings import settings
from tests.bench.yardsticks.work import Work, work

TABLE = "bare_scores"
INDEXES = (
    f"alter table {TABLE} add primary key (user_id, campaign_id, score_date)",
    f"create index on {TABLE} (campaign_id, rank)",
    f"create index on {TABLE} (campaign_id, score desc)",
    f"analyze {TABLE}",
)


def main(asked: Work) -> None:
    """Load and index; the table goes when it is done."""
    uri = database_url(settings(), "warehouse", role="admin")
    with engine(settings(), "admin").begin() as connection:
        connection.execute(
            text(f"create table {TABLE} (like predictions.campaign_propensity including defaults)")
        )

    def rows() -> Iterator[pa.RecordBatch]:
        for path in asked.rows:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=list(SCORE_COLUMNS)):
                    narrow = batch.column("decile").cast(pa.int16())
                    columns = [
                        narrow if name == "decile" else batch.column(name) for name in SCORE_COLUMNS
                    ]
                    ids = pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows)
                    yield pa.RecordBatch.from_arrays(
                        [*columns, ids], names=[*SCORE_COLUMNS, "publication_id"]
                    )

    started = time.monotonic()
    kinds = {"decile": pa.int16()}
    schema = pa.schema(
        [(f.name, kinds.get(f.name, f.type)) for f in LOADED_SCHEMA]
        + [("publication_id", pa.int64())]
    )
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(TABLE, pa.RecordBatchReader.from_batches(schema, rows()), mode="append")
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
