"""Refused rows as JSON, in one spelling, whichever engine wrote it."""

import json
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.landing.batches import FILE_NUMBER
from spark_jobs.transforms.duplicates import CONTENT

MICROSECONDS = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


def raw_of(original: str | None) -> Column:
    """A refused row as JSON: as it came or, where that wasn't kept, as it was understood.

    Only a row that is good by itself, and contradicts another one, comes without its original.

    Args:
        original: Column with the struct of the originals; None: as it was understood.

    Example:
        >>> refused = rows('''
        ...     event_id | user_id | original
        ...     a        | null    | {"user_id": "seven"}
        ...     b        | 7       | null
        ... ''', occurred_at="2026-03-10 12:00:00.000001", listing_id="null", event_type="buy",
        ...     value="null").withColumn("landed", F.from_json("original", "user_id string"))
        >>> for row in refused.select(raw_of("landed").alias("raw")).where("raw != '{}'").collect():
        ...     print(row.raw)
        {"user_id":"seven"}
        >>> for row in refused.where("user_id = 7").select(raw_of(None).alias("raw")).collect():
        ...     print(row.raw)
        {"event_id":"b","occurred_at":"2026-03-10T12:00:00.000001Z","user_id":7,"event_type":"buy"}
    """
    said = F.struct("event_id", *CONTENT) if original is None else F.col(original)
    return F.to_json(said, MICROSECONDS)


def as_refused(rows: DataFrame, files: Sequence[str]) -> DataFrame:
    r"""Spell `raw` anew, and name the file: of refused rows, what is kept of them.

    Engines write `1.0E16` or `1e+16`, `\u001F` or `\u001f`.

    Args:
        rows: With `raw` (JSON; null for a row that isn't refused) and `file_number`.
        files: Names of files.

    Returns:
        The rows, one for one, with `source_file` instead of `file_number`: null where `raw` is.

    Example:
        >>> refused = as_refused(rows('''
        ...     raw              | file_number:int
        ...     {"value":1.0E16} | 1
        ...     null             | 0
        ... '''), ["a.csv", "b.csv"])
        >>> for row in refused.orderBy("raw").collect():
        ...     print(row.raw, row.source_file)
        None None
        {"value":1e+16} b.csv
    """
    names = pa.array(files, pa.string())

    def made(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            raw, number = batch.column("raw"), batch.column(FILE_NUMBER)
            if raw.null_count == batch.num_rows:
                raw = file = pa.nulls(batch.num_rows, names.type)
            else:
                raw = pa.array([text and _spelled(text) for text in raw.to_pylist()], names.type)
                file = names.take(pc.if_else(raw.is_valid(), number, None))
            rest = batch.drop_columns(["raw", FILE_NUMBER])
            yield pa.RecordBatch.from_arrays(
                [*rest.columns, raw, file], [*rest.schema.names, "raw", "source_file"]
            )

    kept = rows.drop("raw", FILE_NUMBER).schema
    return rows.mapInArrow(made, kept.add("raw", "string").add("source_file", "string"))


def _spelled(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
