"""Refused rows as JSON, in one spelling, whichever engine wrote it."""

import json
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

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


def with_one_spelling(rows: DataFrame, name: str) -> DataFrame:
    r"""Spell a column of JSON anew: engines write `1.0E16` or `1e+16`, `\u001F` or `\u001f`.

    Args:
        rows: Few rows: each goes through Python.
        name: Column with JSON, or null.

    Returns:
        The rows, one for one.

    Example:
        >>> spelled = with_one_spelling(rows('''
        ...     raw
        ...     {"value":1.0E16}
        ...     {"value":"1.0E16"}
        ... '''), "raw")
        >>> for row in spelled.orderBy("raw").collect():
        ...     print(row.raw)
        {"value":"1.0E16"}
        {"value":1e+16}
    """

    def spell(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.column(name).null_count == batch.num_rows:
                yield batch
                continue
            texts = [text and _spelled(text) for text in batch.column(name).to_pylist()]
            place = batch.schema.get_field_index(name)
            yield batch.set_column(place, batch.schema.field(place), pa.array(texts, pa.string()))

    return rows.mapInArrow(spell, rows.schema)


def _spelled(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
