"""Look at landed files before anything reads them: format, columns, can they be read at all."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from include.days import Days
from include.errors import LandingError
from include.landing.columns import KNOWN_COLUMNS
from include.landing.zone import Landing
from include.store import system_of
from include.store_errors import store_error

SUFFIXES = {
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
}


OURS = KNOWN_COLUMNS | {"date"}
UNREADABLE = (
    pa.types.is_time, pa.types.is_duration, pa.types.is_float16, pa.types.is_decimal256,
    pa.types.is_interval,
)  # fmt: skip
CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 20
"""A longer line is no row; most of it is never held."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Readable(Protocol):
    """Bytes, packed or not."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True)
class LandedFile:
    """One landing file: its format and, where the file says so, its columns."""

    uri: str
    form: str
    columns: tuple[str, ...]
    """Empty for JSON lines: each row has columns of its own."""
    types: tuple[tuple[str, pa.DataType], ...] = ()
    """Parquet: columns with their types."""
    row_groups: int = 0
    """Parquet: parts that can be read one by one."""
    row_count: int | None = None
    """Parquet: rows; None for texts, where nobody knows before they are read."""


def inspect(uri: str, required: tuple[str, ...]) -> LandedFile:
    """Look at a file's name and, for CSV and Parquet, at its columns.

    Raises:
        LandingError: It can't be used.
        OSError: The store is away, or refuses.
    """
    system, path = system_of(uri)
    stem = path.removesuffix(".gz")
    form = next((form for suffix, form in SUFFIXES.items() if stem.endswith(suffix)), None)
    if form is None or (form == "parquet" and path.endswith(".gz")):
        raise LandingError(
            f"{uri}: not a format that is read here ({', '.join(SUFFIXES)}; text may be .gz)"
        )
    if path.endswith(".gz") and system.get_file_info(path).size == 0:
        raise LandingError(f"{uri}: is empty, which no packed file is. Nothing was changed")
    if form == "json":
        return LandedFile(uri, form, ())
    types: tuple[tuple[str, pa.DataType], ...] = ()
    row_groups, row_count = 0, None
    try:
        if form == "parquet":
            with pq.ParquetFile(path, filesystem=system) as parquet:
                schema, row_groups = parquet.schema_arrow, parquet.num_row_groups
                row_count = parquet.metadata.num_rows
            _refuse_unreadable(uri, schema)
            names = tuple(schema.names)
            types = tuple((field.name, field.type) for field in schema if field.name in OURS)
        else:
            with system.open_input_stream(path, compression=None) as stream:
                names = _csv_header(stream, path.endswith(".gz"))
    except (EOFError, zlib.error) as error:
        raise LandingError(f"{uri}: {_cut_off(error)}") from None
    except (pa.ArrowException, OSError, ValueError, csv.Error) as error:
        if store_error(str(error)):
            raise  # the store's fault, not the file's
        raise LandingError(f"{uri}: can't be read as {form}: {error}") from None
    if lacking := [name for name in required if name not in names]:
        raise LandingError(
            f"{uri}: has no column {', '.join(lacking)} (it has {_shown(names)}). "
            "Ask the source for a correct file; nothing was changed"
        )
    if len(set(names)) < len(names):
        raise LandingError(f"{uri}: its header names a column twice ({_shown(names)})")
    for name in names:
        if name not in OURS and name.lower() in OURS:
            raise LandingError(
                f"{uri}: its column {name} would be passed over: it is spelt {name.lower()}. "
                "Nothing was changed"
            )
    return LandedFile(uri, form, names, types, row_groups, row_count)


def _refuse_unreadable(uri: str, schema: pa.Schema) -> None:
    """Types that Spark doesn't know fail the whole file, even in a column that nobody reads."""
    for field in schema:
        if any(is_one(field.type) for is_one in UNREADABLE):
            raise LandingError(
                f"{uri}: a column is of type {field.type}, which can't be read: leave it out, or "
                "write it as a number or a text. Nothing was changed"
            )


def _shown(names: tuple[str, ...]) -> str:
    """Names of columns for an error: of a file without a header they would be somebody's data."""
    known = [name for name in names if name in KNOWN_COLUMNS]
    others = len(names) - len(known)
    return ", ".join([*known, *([f"{others} of other names"] if others else [])]) or "none"


def text_lines(stream: Readable) -> Iterator[bytes | None]:
    r"""Lines that end in \n, \r or \r\n, without their ends; None for one that is too long."""
    rest, is_too_long, is_first = b"", False, True
    while True:
        chunk = stream.read(CHUNK_BYTES)
        if is_first:
            chunk, is_first = chunk.removeprefix(_BYTE_ORDER_MARK), False
        lines = (rest + chunk).splitlines(keepends=True)
        # The last may go on in the next chunk, if only by the \n of its \r\n.
        rest = lines.pop() if chunk and lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            yield None if is_too_long or len(line) > MAX_LINE_BYTES else line.rstrip(b"\r\n")
            is_too_long = False
        if len(rest) > MAX_LINE_BYTES:
            # Its end, if it is there already, has to stay.
            rest, is_too_long = rest[-1:] if rest.endswith(b"\r") else b"", True
        if not chunk:
            if is_too_long and not lines:
                yield None
            return


def lines_of(system: fs.FileSystem, path: str) -> Iterator[bytes | None]:
    """The lines of a text file, packed or not, as `text_lines` has them."""
    with system.open_input_stream(path, compression=None) as raw:
        stream: Readable = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else raw
        yield from text_lines(stream)


def find_broken(landing: Landing, tables: tuple[str, ...], days: Days) -> str | None:
    """Read files to their end; the first one that nobody can read, with what is wrong with it.

    Takes as long as reading them, so it is called only after a job failed.
    """
    for table in tables:
        for day in days:
            for uri in landing.files(table, day):
                system, path = system_of(uri)
                broken = _broken_parquet if path.endswith(".parquet") else _broken_text
                try:
                    wrong = broken(system, path)
                except (pa.ArrowException, OSError):
                    continue  # what the job itself said of it stands, and is tried again
                if wrong:
                    return f"{uri}: {wrong}"
    return None


def _broken_text(system: fs.FileSystem, path: str) -> str | None:
    if not path.endswith(".gz"):
        return None
    with system.open_input_stream(path, compression=None) as stream:
        packed = gzip.GzipFile(fileobj=stream)
        try:
            while packed.read(CHUNK_BYTES):
                pass
        # Of errors of the system only those about what is in the file: a store may only be away.
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            return _cut_off(error)
    return None


def _broken_parquet(system: fs.FileSystem, path: str) -> str | None:
    # A store that is away fails here, and what fails from there on is the file's own fault.
    with system.open_input_stream(path) as stream:
        while stream.read(CHUNK_BYTES):
            pass
    try:
        with pq.ParquetFile(
            path, filesystem=system, pre_buffer=False, page_checksum_verification=True
        ) as parquet:
            names = [name for name in parquet.schema_arrow.names if name in OURS]
            for _ in parquet.iter_batches(columns=names):
                pass
    except (pa.ArrowException, OSError) as error:
        if store_error(str(error)):
            raise
        return f"can't be read to its end: {error}"
    return None


def _cut_off(error: Exception) -> str:
    return f"can't be unpacked to its end: {error}"


def _csv_header(stream: IO[bytes], is_gzip: bool) -> tuple[str, ...]:
    raw: Readable = gzip.GzipFile(fileobj=stream) if is_gzip else stream
    line = next(text_lines(raw), b"")
    if line is None:
        raise ValueError(f"its first line is longer than {MAX_LINE_BYTES:,} bytes")
    return tuple(next(csv.reader([line.decode()], strict=True), []))
