"""Landed rows one by one, in bounded memory: a row that can't be read hides no other."""

import csv
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from include.errors import LandingError
from include.landing.files import MAX_LINE_BYTES, LandedFile, lines_of
from include.store import system_of
from include.store_errors import store_error

PARQUET_ROWS = 5_000
csv.field_size_limit(MAX_LINE_BYTES)

UNREADABLE = object()
"""A value of a Parquet file that has no counterpart in Python (a year 20000, a broken text)."""

_JSON_ID = re.compile(rb'"user_id"\s*:\s*("?)(\d{1,19})\1\s*[,}]')


@dataclass(frozen=True, slots=True)
class LandedRow:
    """One row as it landed."""

    number: int
    """Line of a text file, or row of a Parquet file, from 1."""
    values: dict[str, Any] | None
    """What it says, by column; None: it can't be read."""
    told_user: str | None = None
    """Of a row that can't be read: whom it is about, where that can be told for certain."""


def read_rows(file: LandedFile, columns: tuple[str, ...]) -> Iterator[LandedRow]:
    """The rows of a file, in its order. Lines without anything in them are no rows.

    Args:
        file: As `inspect` found it.
        columns: What to read; others are left out where that is cheaper.

    Raises:
        LandingError: The file can't be read to its end; the text names it.
        OSError: The store is away, or refuses.
    """
    system, path = system_of(file.uri)
    try:
        if file.form == "parquet":
            yield from _parquet_rows(system, path, file, columns)
            return
        lines = enumerate(lines_of(system, path), start=1)
        if file.form == "csv":
            yield from _csv_rows(lines, file)
        else:
            yield from _json_rows(lines)
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        if store_error(str(error)):
            raise
        raise LandingError(f"{file.uri}: can't be read to its end: {error}") from None


def _json_rows(lines: Iterator[tuple[int, bytes | None]]) -> Iterator[LandedRow]:
    for number, line in lines:
        if line is None:
            yield LandedRow(number, None)
        elif line.strip():
            values = _json_object(line)
            if values is not None:
                yield LandedRow(number, values)
            else:
                ids = {match[2] for match in _JSON_ID.finditer(line)}
                yield LandedRow(number, None, ids.pop().decode() if len(ids) == 1 else None)


def json_texts(line: bytes) -> dict[str, str | None] | None:
    """The values of a line of JSON as they are written; None if it isn't one object, and no more.

    Numbers keep their digits, also those that no float has; lists and objects are JSON.

    Example:
        >>> json_texts(b'{"event_id": "a", "user_id": 7, "value": 1.50, "more": {"is_new": true}}')
        {'event_id': 'a', 'user_id': '7', 'value': '1.50', 'more': '{"is_new": true}'}
        >>> json_texts(b'{"event_id": "a"} {"event_id": "b"}')
    """
    values = _json_object(line, parse_int=str, parse_float=str)
    if values is None or (b"\\u" in line and _has_half_a_character(values)):
        return None
    for name, value in values.items():
        if not (value is None or isinstance(value, str)):
            values[name] = json.dumps(_with_numbers(line, name, value), ensure_ascii=False)
    return values


def _with_numbers(line: bytes, name: str, value: Any) -> Any:
    """A list or an object whose numbers are numbers again, unless one has thousands of digits."""
    if not isinstance(value, list | dict):
        return value
    try:
        return json.loads(line)[name]
    except ValueError:
        return value


def _has_half_a_character(values: dict[str, Any]) -> bool:
    """Whether it holds one half of a UTF-16 pair: none can be stored, and all would become `?`."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _json_object(line: bytes, **options: Any) -> dict[str, Any] | None:
    try:
        values = json.loads(
            line.decode(), object_pairs_hook=_once_each, parse_constant=str, **options
        )
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands in the object twice")
    return values


def _csv_rows(lines: Iterator[tuple[int, bytes | None]], file: LandedFile) -> Iterator[LandedRow]:
    next(lines, None)  # the header
    # Counted from the left, a row with a comma too many is still right up to that comma; further
    # right its values belong to other columns.
    is_told = file.columns[0] == "user_id"
    for number, line in lines:
        if line is None:
            yield LandedRow(number, None)
        elif line.strip():
            fields = csv_fields(line)
            if len(fields) == len(file.columns):
                yield LandedRow(number, dict(zip(file.columns, fields, strict=True)))
            else:
                yield LandedRow(number, None, fields[0] if fields and is_told else None)


def csv_fields(line: bytes) -> list[str]:
    """The fields of a line; none if it can't be read."""
    try:
        text = line.decode()
        # A line by itself: a quote that never ends must not swallow the lines after it.
        return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error):
        return []


def _parquet_rows(
    system: fs.FileSystem, path: str, file: LandedFile, columns: tuple[str, ...]
) -> Iterator[LandedRow]:
    names = [name for name in columns if name in file.columns]
    number = 0
    with pq.ParquetFile(path, filesystem=system, pre_buffer=False) as parquet:
        for batch in parquet.iter_batches(batch_size=PARQUET_ROWS, columns=names):
            lists = [_values(batch.column(name)) for name in names]
            for values in zip(*lists, strict=True):
                number += 1
                yield LandedRow(number, dict(zip(names, values, strict=True)))


def _values(column: pa.Array) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        return UNREADABLE
