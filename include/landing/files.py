"""Look at landed files before anything reads them: format, columns, can they be read at all."""

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from include.days import Days
from include.errors import LandingError
from include.landing.zone import Landing

SUFFIXES = {
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
}


@dataclass(frozen=True)
class LandedFile:
    """One landing file: its format and, where the file says so, its columns."""

    uri: str
    form: str
    columns: tuple[str, ...]
    """Empty for JSON lines: each row has columns of its own."""
    schema: str = ""
    """Parquet: files with equal text are read together."""


def inspect(uri: str, required: tuple[str, ...]) -> LandedFile:
    """Look at a file's name and, for CSV and Parquet, at its columns.

    Raises:
        LandingError: It can't be used.
    """
    system, path = fs.FileSystem.from_uri(uri)
    stem = path.removesuffix(".gz")
    form = next((form for suffix, form in SUFFIXES.items() if stem.endswith(suffix)), None)
    if form is None or (form == "parquet" and path.endswith(".gz")):
        raise LandingError(
            f"{uri}: not a format that is read here ({', '.join(SUFFIXES)}; text may be .gz)"
        )
    if form == "json":
        return LandedFile(uri, form, ())
    try:
        if form == "parquet":
            schema = pq.read_schema(path, filesystem=system)
            names, key = tuple(schema.names), str(schema.remove_metadata())
        else:
            with system.open_input_stream(path, compression=None) as stream:
                names, key = _csv_header(stream, path.endswith(".gz")), ""
    except (pa.ArrowException, OSError, EOFError, zlib.error, ValueError) as error:
        raise LandingError(f"{uri}: can't be read as {form}: {error}") from None
    if lacking := [name for name in required if name not in names]:
        raise LandingError(
            f"{uri}: has no column {', '.join(lacking)} (it has {', '.join(names) or 'none'}). "
            "Ask the source for a correct file; nothing was changed"
        )
    if len(set(names)) < len(names):
        raise LandingError(f"{uri}: its header names a column twice ({', '.join(names)})")
    return LandedFile(uri, form, names, key)


def find_broken(landing: Landing, tables: tuple[str, ...], days: Days) -> str | None:
    """Read compressed files to their end; the first one that breaks, with what is wrong with it.

    Takes as long as unpacking them, so it is called only after a job failed.
    """
    for table in tables:
        for day in days:
            for uri in landing.files(table, day):
                if not uri.endswith(".gz"):
                    continue
                system, path = fs.FileSystem.from_uri(uri)
                try:
                    with (
                        system.open_input_stream(path, compression=None) as stream,
                        gzip.GzipFile(fileobj=stream) as unpacked,
                    ):
                        while unpacked.read(1 << 20):
                            pass
                except (OSError, EOFError, zlib.error) as error:
                    return f"{uri}: can't be unpacked to its end: {error}"
    return None


def _csv_header(stream: IO[bytes], is_gzip: bool) -> tuple[str, ...]:
    raw = gzip.GzipFile(fileobj=stream) if is_gzip else stream
    lines = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
    return tuple(next(csv.reader(lines), []))
