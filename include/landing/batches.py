"""Landed files of any format as Arrow batches of one schema, a row a landed row.

Both engines read landed rows through this, so what a row says can't depend on the engine.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from include.landing.files import MAX_LINE_BYTES, LandedFile, Readable, text_lines
from include.landing.rows import csv_fields, json_texts

CORRUPT = "_corrupt_record"
"""Column with the text of a row that can't be read at all, as Spark calls it."""
BATCH_ROWS = 32_768
TEXT = pa.string()
REPLACEMENT = "\ufffd"
"""What readers and senders put for bytes that no text in UTF-8 has: where it stands, two texts that
were not equal may be."""
REPLACED = REPLACEMENT.encode()
TOO_LONG = f"(a line of more than {MAX_LINE_BYTES:,} bytes)"


@dataclass(frozen=True)
class Part:
    """What one task reads at a time: a text file, or one row group of a Parquet file."""

    file: LandedFile
    day: date
    row_group: int | None = None


def parts_of(file: LandedFile, day: date) -> list[Part]:
    """The parts of a file; together they hold each of its rows once."""
    if file.form != "parquet":
        return [Part(file, day)]
    return [Part(file, day, number) for number in range(file.row_groups)]


def schema_of(files: Iterable[LandedFile], columns: Sequence[str]) -> pa.Schema:
    """The schema to read files with: a column is typed where all files that have it agree.

    Args:
        files: As `inspect` found them.
        columns: What to read.

    Returns:
        `columns`, then `_corrupt_record` and `source_file` (texts) and `ingest_date`.
    """
    kinds: dict[str, set[pa.DataType]] = {name: set() for name in columns}
    for file in files:
        # Of JSON nobody knows before it is read.
        held = dict.fromkeys(file.columns or columns, TEXT) | {
            name: _kind(kind) for name, kind in file.types
        }
        for name in kinds.keys() & held.keys():
            kinds[name].add(held[name])
    return pa.schema(
        [
            *[(name, kind.pop() if len(kind) == 1 else TEXT) for name, kind in kinds.items()],
            (CORRUPT, TEXT),
            ("source_file", TEXT),
            ("ingest_date", pa.date32()),
        ]
    )


def read_batches(part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a part, in their order.

    Args:
        part: What to read.
        schema: As `schema_of` returns it; a column that the file lacks is null.

    Raises:
        OSError, EOFError, zlib.error, pa.ArrowException: It can't be read to its end;
            `find_broken` says which file, and what is wrong with it.
    """
    system, path = fs.FileSystem.from_uri(part.file.uri)
    columns = [name for name in schema.names[:-3] if name in (part.file.columns or schema.names)]
    made = (
        _of_parquet(system, path, part, columns)
        if part.file.form == "parquet"
        else _of_text(system, path, part.file, columns)
    )
    for arrays in made:
        rows = len(arrays[CORRUPT])
        arrays["source_file"] = pa.repeat(part.file.uri, rows)
        arrays["ingest_date"] = pa.repeat(pa.scalar(part.day, pa.date32()), rows)
        yield pa.RecordBatch.from_arrays(
            [
                _as(arrays[field.name], field.type)
                if field.name in arrays
                else pa.nulls(rows, field.type)
                for field in schema
            ],
            schema=schema,
        )


def _of_text(
    system: fs.FileSystem, path: str, file: LandedFile, columns: list[str]
) -> Iterator[dict[str, pa.Array]]:
    with system.open_input_stream(path, compression=None) as raw:
        stream: Readable = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else raw
        lines = text_lines(stream)
        if file.form == "csv":
            next(lines, None)  # the header
        rows: list[Sequence[str | None]] = []
        nothing = (None,) * len(columns)
        places = [file.columns.index(name) for name in columns] if file.form == "csv" else []
        for line in lines:
            if line is None:
                rows.append((*nothing, TOO_LONG))
            elif not line.strip():
                continue
            elif REPLACED in line:
                rows.append((*nothing, line.decode(errors="replace")))
            elif file.form == "csv":
                fields = csv_fields(line)
                if len(fields) == len(file.columns):
                    rows.append([*[fields[place] for place in places], None])
                else:
                    rows.append((*nothing, line.decode(errors="replace")))
            else:
                values = json_texts(line)
                if values is None or any(REPLACEMENT in (v or "") for v in values.values()):
                    rows.append((*nothing, line.decode(errors="replace")))
                else:
                    rows.append([*map(values.get, columns), None])
            if len(rows) == BATCH_ROWS:
                yield _columns(columns, rows)
                rows = []
        if rows:
            yield _columns(columns, rows)


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
        path, filesystem=system, pre_buffer=False, coerce_int96_timestamp_unit="us"
    ) as parquet:
        # Without a column, there would be no rows to count.
        read = columns or parquet.schema_arrow.names[:1]
        for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[part.row_group], columns=read):
            arrays = {name: batch.column(name) for name in columns}
            torn = pa.array([False] * len(batch))
            for name, values in arrays.items():
                arrays[name], is_torn = _readable(values)
                if is_torn is not None:
                    torn = pc.or_(torn, is_torn)
            arrays[CORRUPT] = pa.nulls(len(batch), TEXT)
            if pc.any(torn).as_py():
                shown = [name for name, values in arrays.items() if values.type == TEXT]
                said = pa.RecordBatch.from_pydict({name: arrays[name] for name in shown})
                arrays[CORRUPT] = pa.array(
                    [
                        json.dumps({k: v for k, v in row.items() if v is not None}) if bad else None
                        for row, bad in zip(said.to_pylist(), torn.to_pylist(), strict=True)
                    ],
                    TEXT,
                )
            yield arrays


def _readable(values: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """A column as `_kind` types it; of texts, which ones hold bytes that no text in UTF-8 has.

    Such bytes can't be stored, nor may what stands for them be taken for a text.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = _kind(values.type)
    if kind != TEXT or not _is_bytes(values.type):
        return _as(values, kind), None
    try:
        texts = values.cast(TEXT)
        texts.validate(full=True)
        return texts, pc.fill_null(pc.match_substring(texts, REPLACEMENT), False)
    except pa.ArrowInvalid:
        found = [value and value.decode(errors="replace") for value in
                 values.cast(pa.large_binary()).to_pylist()]  # fmt: skip
        torn = [REPLACEMENT in (text or "") for text in found]
        return pa.array(found, TEXT), pa.array(torn)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind)
    )  # fmt: skip


def _kind(kind: pa.DataType) -> pa.DataType:
    """What values of a Parquet column are read as; any number as the number that it is."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_uint64(kind):
        return TEXT
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC")
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_boolean(kind) or pa.types.is_decimal128(kind):
        return kind
    return TEXT


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if values.type == kind:
        return values
    if pa.types.is_timestamp(values.type) and pa.types.is_timestamp(kind):
        if values.type.unit == "ns":
            # Down to the microsecond before, also before 1970.
            zone, numbers = values.type.tz, values.cast(pa.int64())
            whole = pc.divide(numbers, 1000)
            is_above = pc.greater(pc.multiply(whole, 1000), numbers)
            whole = pc.subtract(whole, is_above.cast(pa.int64()))
            values = whole.cast(pa.timestamp("us", zone))
        if values.type.tz is None:
            # Its digits are those of a clock in UTC.
            values = values.cast(pa.timestamp(values.type.unit)).cast(
                pa.timestamp(values.type.unit, "UTC")
            )
        return values.cast(kind)
    if kind == TEXT and (pa.types.is_nested(values.type) or pa.types.is_floating(values.type)):
        # As JSON has it: Arrow makes 7 of 7.0, which would be another kind of number.
        return pa.array(
            [None if value is None else json.dumps(value, default=str)
             for value in values.to_pylist()],
            TEXT,
        )  # fmt: skip
    return values.cast(kind)
