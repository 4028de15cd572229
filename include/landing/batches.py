"""Landed files of any format as Arrow batches of one schema, a row a landed row.

Both engines read landed rows through this, so what a row says can't depend on the engine.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from include.landing.files import MAX_LINE_BYTES, LandedFile, lines_of
from include.landing.json_shapes import Shapes
from include.landing.parquet_values import (
    REPLACEMENT,
    TEXT,
    Values,
    as_text,
    kind_of,
    read_values,
)
from include.landing.rows import csv_fields, json_texts
from include.store import system_of

CORRUPT = "_corrupt_record"
"""Column with the text of a row that can't be read at all, as Spark calls it."""
FILE_NUMBER = "file_number"
"""Column with the place of a row's file among those that were read."""
BATCH_ROWS = 32_768
BATCH_BYTES = 32 << 20
"""Of text, about."""
REPLACED = REPLACEMENT.encode()
TOO_LONG = f"(a line of more than {MAX_LINE_BYTES:,} bytes)"


@dataclass(frozen=True)
class Part:
    """What one task reads at a time: a text file, or one row group of a Parquet file."""

    file: LandedFile
    day: date
    number: int
    """Of the file, among those that are read."""
    row_group: int | None = None


def parts_of(files: Iterable[tuple[LandedFile, date]]) -> list[Part]:
    """The parts of files with their days of arrival; together they hold each row once."""
    found = []
    for number, (file, day) in enumerate(files):
        groups = range(file.row_groups) if file.form == "parquet" else (None,)
        found += [Part(file, day, number, group) for group in groups]
    return found


def schema_of(files: Iterable[LandedFile], columns: Sequence[str]) -> pa.Schema:
    """The schema to read files with: a column is typed where all files that have it agree.

    Args:
        files: As `inspect` found them.
        columns: What to read.

    Returns:
        `columns`, then `_corrupt_record` (text), `file_number` and `ingest_date`.
    """
    kinds: dict[str, set[pa.DataType]] = {name: set() for name in columns}
    for file in files:
        # Of JSON nobody knows before it is read.
        held = dict.fromkeys(file.columns or columns, TEXT) | {
            name: kind_of(name, kind) for name, kind in file.types
        }
        for name in kinds.keys() & held.keys():
            kinds[name].add(held[name])
    return pa.schema(
        [
            *[(name, kind.pop() if len(kind) == 1 else TEXT) for name, kind in kinds.items()],
            (CORRUPT, TEXT),
            # Not its name: beside each row, names took as long to copy as what the rows say.
            (FILE_NUMBER, pa.int32()),
            ("ingest_date", pa.date32()),
        ]
    )


def read_batches(part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a part, in their order.

    Args:
        part: What to read.
        schema: As `schema_of` returns it; a column that the file lacks is null.

    Raises:
        OSError: It can't be read to its end, or the store is away: `find_broken` says which.
    """
    system, path = system_of(part.file.uri)
    columns = [name for name in schema.names[:-3] if name in (part.file.columns or schema.names)]
    made = (
        _of_parquet(system, path, part, columns)
        if part.file.form == "parquet"
        else _of_text(system, path, part.file, columns)
    )
    for arrays in _named(made, part.file.uri):
        rows = len(arrays[CORRUPT])
        arrays[FILE_NUMBER] = pa.repeat(pa.scalar(part.number, pa.int32()), rows)
        arrays["ingest_date"] = pa.repeat(pa.scalar(part.day, pa.date32()), rows)
        yield pa.RecordBatch.from_arrays(
            [
                _alike(arrays[field.name], field.type)
                if field.name in arrays
                else pa.nulls(rows, field.type)
                for field in schema
            ],
            schema=schema,
        )


def _named(made: Iterator[dict[str, pa.Array]], uri: str) -> Iterator[dict[str, pa.Array]]:
    """What goes wrong says where: errors of readers don't."""
    try:
        yield from made
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        raise OSError(f"{uri}: can't be read to its end: {error}") from error


def _alike(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return as_text(array) if kind == TEXT and array.type != TEXT else array


def _of_text(
    system: fs.FileSystem, path: str, file: LandedFile, columns: list[str]
) -> Iterator[dict[str, pa.Array]]:
    lines = lines_of(system, path)
    if file.form == "csv":
        next(lines, None)  # the header
    shapes = Shapes(columns) if file.form == "json" else None
    batch: list[bytes | None] = []
    held = 0
    for line in lines:
        if line is None or line.strip():
            batch.append(line)
            held += len(line or b"")
        if len(batch) == BATCH_ROWS or held > BATCH_BYTES:
            yield _read_lines(batch, file, columns, shapes)
            batch, held = [], 0
    if batch:
        yield _read_lines(batch, file, columns, shapes)


def _read_lines(
    lines: list[bytes | None], file: LandedFile, columns: list[str], shapes: Shapes | None
) -> dict[str, pa.Array]:
    if shapes is None:
        return _one_by_one(lines, file, columns)
    arrays, alone = shapes.read(lines)
    arrays[CORRUPT] = pa.nulls(len(lines), TEXT)
    if not alone:
        return arrays
    others = _one_by_one([lines[place] for place in alone], file, columns)
    is_alone = np.zeros(len(lines), dtype=bool)
    is_alone[alone] = True
    mask = pa.array(is_alone)
    return {name: pc.replace_with_mask(array, mask, others[name]) for name, array in arrays.items()}


def _one_by_one(
    lines: list[bytes | None], file: LandedFile, columns: list[str]
) -> dict[str, pa.Array]:
    nothing = (None,) * len(columns)
    rows: list[Sequence[str | None]] = []
    for line in lines:
        if line is None:
            rows.append((*nothing, TOO_LONG))
            continue
        texts = None if REPLACED in line else _texts(line, file, columns)
        if texts is None:
            rows.append((*nothing, line.decode(errors="replace")))
        else:
            rows.append((*texts, None))
    return _columns(columns, rows)


def _texts(line: bytes, file: LandedFile, columns: list[str]) -> list[str | None] | None:
    """The columns' values of a line; None if it can't be read."""
    if file.form == "csv":
        fields = csv_fields(line)
        if len(fields) != len(file.columns):
            return None
        named: Mapping[str, str | None] = dict(zip(file.columns, fields, strict=True))
    else:
        values = json_texts(line)
        # As an escape; the character itself was looked for already.
        if values is None or (
            b"\\u" in line and REPLACEMENT in "".join(filter(None, values.values()))
        ):
            return None
        named = values
    return [named.get(name) for name in columns]


def _columns(names: list[str], rows: list[Sequence[str | None]]) -> dict[str, pa.Array]:
    lists = zip(*rows, strict=True)
    return {
        name: pa.array(values, TEXT) for name, values in zip([*names, CORRUPT], lists, strict=True)
    }


def _of_parquet(
    system: fs.FileSystem, path: str, part: Part, columns: list[str]
) -> Iterator[dict[str, pa.Array]]:
    assert part.row_group is not None
    with pq.ParquetFile(
        path, filesystem=system, pre_buffer=False, coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    ) as parquet:  # fmt: skip
        # Without a column, there would be no rows to count.
        read = columns or parquet.schema_arrow.names[:1]
        for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[part.row_group], columns=read):
            found = {name: read_values(name, batch.column(name)) for name in columns}
            spoilt = pa.array([False] * len(batch))
            for values in found.values():
                spoilt = pc.or_(spoilt, values.spoilt)
            arrays = {name: values.array for name, values in found.items()}
            arrays[CORRUPT] = _rows_as_json(found, spoilt)
            yield arrays


def _rows_as_json(columns: dict[str, Values], wanted: pa.Array) -> pa.Array:
    """The wanted rows as JSON, null for the others."""
    if not pc.any(wanted).as_py():
        return pa.nulls(len(wanted), TEXT)
    shown = {name: values.shown().filter(wanted).to_pylist() for name, values in columns.items()}
    rows = (
        json.dumps({k: v for k, v in zip(shown, row, strict=True) if v is not None})
        for row in zip(*shown.values(), strict=True)
    )
    return pa.array([next(rows) if is_wanted else None for is_wanted in wanted.to_pylist()], TEXT)
