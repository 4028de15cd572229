"""A checksum of rows that doesn't depend on their order or on how they are stored."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

MASK = (1 << 64) - 1
NULL = b"\xff"
"""Stands for a null: no text in UTF-8 is that, "None" least of all."""


def rows_checksum(batches: Iterable[pa.RecordBatch] | pa.Table) -> str:
    """Sum of the rows' 64-bit hashes, modulo 2^64, as 16 hexadecimal digits.

    Equal for equal multisets of rows with the same columns in the same order. Duplicates count as
    often as there are of them, so the row count should be compared beside it.
    """
    if isinstance(batches, pa.Table):
        batches = batches.to_batches()
    total = 0
    for batch in batches:
        table = _with_whole_numbers(batch)
        columns = [_hashes(column) for column in table.columns]
        total = (total + int(_combined(columns).sum(dtype=np.uint64))) & MASK
    return f"{total:016x}"


def _hashes(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """The hash of each value, as pandas makes it."""
    if pa.types.is_string(column.type):
        # Of each text once. Not by categories of pandas: there a text would end at its first NUL.
        coded = column.combine_chunks().dictionary_encode()
        texts = np.array([*coded.dictionary.to_pylist(), NULL], dtype=object)
        places = coded.indices.fill_null(len(texts) - 1).to_numpy()
        return np.asarray(pd.util.hash_array(texts, categorize=False)[places], dtype=np.uint64)
    values = column.to_pandas(date_as_object=False)
    if values.dtype == object:
        # Lists can't be hashed; their text can.
        values = values.map(lambda value: NULL if value is None else str(value))
    hashes = pd.util.hash_pandas_object(values, index=False, categorize=False)
    return np.asarray(hashes, dtype=np.uint64)


def _combined(columns: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The hash of each row from those of its values, as pandas (and Python, of tuples) has it."""
    factor = 1_000_003
    hashes: NDArray[np.uint64] = np.full_like(columns[0], 0x345678)
    for number, column in enumerate(columns):
        hashes = (hashes ^ column) * np.uint64(factor)
        factor += 82_520 + 2 * (len(columns) - number)
    return np.asarray(hashes + np.uint64(97_531))


def _with_whole_numbers(batch: pa.RecordBatch) -> pa.Table:
    """Nulls among whole numbers as the least of them: pandas would make floats of all.

    Beyond 2^53 floats are equal that numbers aren't, and a row's hash would depend on its
    neighbours. No column of ours goes that low.
    """
    table = pa.Table.from_batches([batch])
    for number, field in enumerate(table.schema):
        column = table.column(number)
        if pa.types.is_signed_integer(field.type) and column.null_count:
            least = np.iinfo(field.type.to_pandas_dtype()).min
            table = table.set_column(number, field, column.fill_null(pa.scalar(least, field.type)))
    return table


def sum_checksums(checksums: Iterable[str]) -> str:
    """Checksum of all rows together, from those of their parts."""
    return f"{sum(int(checksum, 16) for checksum in checksums) & MASK:016x}"


def subtract_checksum(whole: str, part: str) -> str:
    """Checksum of the rows that remain when a part of them is taken away."""
    return f"{(int(whole, 16) - int(part, 16)) & MASK:016x}"
