"""Rows of scores in the binary format of Postgres' COPY, made by column instead of by row.

A driver that makes it row by row takes longer than the server to read it. Texts here are few
different ones (campaigns, arms, the model), so rows with the same texts have the same width, and
are bytes of one array.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH_DAYS = 10_957
"""Postgres counts days from 2000-01-01, Arrow from 1970-01-01."""
MAX_KINDS = 10_000
"""Different combinations of texts in one batch; more are no campaigns and arms any more."""

_FIXED = {
    pa.date32(): ">i4", pa.int16(): ">i2", pa.int32(): ">i4", pa.int64(): ">i8",
    pa.float64(): ">f8",
}  # fmt: skip


def binary_rows(batch: pa.RecordBatch) -> Iterator[bytes]:
    """The rows of a batch, in an order of their own.

    Args:
        batch: Columns of days, whole numbers, doubles and texts, without nulls.

    Raises:
        ValueError: There is a null, a type of another kind, or too many different texts.
    """
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.null_count:
            raise ValueError(f"{field.name} is null in {column.null_count} rows")
    texts = [n for n, field in enumerate(batch.schema) if pa.types.is_string(field.type)]
    if not batch.num_rows:
        return
    if not texts:
        yield _of_one_kind(batch, {})
        return
    kinds, order, starts = _kinds([batch.column(n) for n in texts])
    for values, start, end in zip(kinds, starts, [*starts[1:], batch.num_rows], strict=True):
        mine = batch.take(pa.array(order[start:end])) if len(kinds) > 1 else batch
        yield _of_one_kind(mine, dict(zip(texts, values, strict=True)))


def _kinds(
    columns: list[pa.Array],
) -> tuple[list[tuple[bytes, ...]], NDArray[np.int64], list[int]]:
    """Different combinations of texts, and which rows have them.

    Returns:
        The combinations; row numbers, those of each combination together; where each begins.
    """
    encoded = [pc.dictionary_encode(column) for column in columns]
    shape = tuple(len(one.dictionary) for one in encoded)
    code = np.ravel_multi_index([one.indices.to_numpy() for one in encoded], shape)
    order = np.argsort(code, kind="stable")
    found, starts = np.unique(code[order], return_index=True)
    if len(found) > MAX_KINDS:
        raise ValueError(f"{len(found):,} different combinations of texts in {len(code):,} rows")
    places = np.unravel_index(found, shape)
    texts = [[text.encode() for text in one.dictionary.to_pylist()] for one in encoded]
    kinds = zip(
        *([mine[n] for n in at] for mine, at in zip(texts, places, strict=True)), strict=True
    )
    return list(kinds), order, starts.tolist()


def _of_one_kind(batch: pa.RecordBatch, texts: dict[int, bytes]) -> bytes:
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for number, field in enumerate(batch.schema):
        kind = f"S{len(texts[number])}" if number in texts else _fixed(field)
        layout.append((f"length_{number}", ">i4"))
        if kind != "S0":
            layout.append((f"value_{number}", kind))
    rows = np.zeros(batch.num_rows, np.dtype(layout))
    rows["fields"] = len(batch.schema)
    for number, field in enumerate(batch.schema):
        if number in texts:
            rows[f"length_{number}"] = len(texts[number])
            if texts[number]:
                rows[f"value_{number}"] = texts[number]
            continue
        values = batch.column(number)
        if pa.types.is_date(field.type):
            values = pc.subtract(values.cast(pa.int32()), EPOCH_DAYS)
        rows[f"length_{number}"] = np.dtype(_fixed(field)).itemsize
        rows[f"value_{number}"] = values.to_numpy(zero_copy_only=False)
    return rows.tobytes()


def _fixed(field: pa.Field) -> str:
    if field.type not in _FIXED:
        raise ValueError(f"{field.name} is of type {field.type}, which is not written here")
    return _FIXED[field.type]
