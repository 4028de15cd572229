"""Write rows as Parquet files where they are made, in one pass, and say what was written.

Each task writes files of its own under new names, and returns them with their rows once they are
whole. What isn't returned (of a task that was killed or ran twice) nobody refers to. Engines' own
writers differ in how they lay out and name things; this one is the same on all.
"""

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from include.lake.staging import DAY_FOLDER
from include.store import make_folder, system_of

TEXT = pa.string()
ROW_GROUP_ROWS = 131_072
MAX_HELD_BYTES = 64 << 20
"""Rows that a task holds in memory until it writes them."""
SAMPLE_ROWS = 8_192
"""Of a file's first rows, to tell which columns repeat."""
MAX_OPEN = 400
"""Files that a task writes at a time."""
KIND = "_kind"
PART = "_part"
"""A whole number: rows of one kind and day but several parts lie in files of their own."""


@dataclass(frozen=True)
class Target:
    """Where rows of one kind go, and which of their columns."""

    uri: str
    schema: pa.Schema


@dataclass(frozen=True)
class Written:
    """One file."""

    kind: str | None
    day: datetime.date | None
    uri: str
    row_count: int
    part: int | None = None
    """Of its rows, where they have one."""


WRITTEN = pa.schema(
    {
        "kind": TEXT,
        "day": pa.date32(),
        "uri": TEXT,
        "row_count": pa.int64(),
        "part": pa.int32(),
    }
)
"""Of `Written`."""


def part_of(names: Sequence[str], parts: int) -> Column:
    """A number below `parts` that all rows with the same values of some columns have."""
    return F.pmod(F.xxhash64(*names), F.lit(parts)).cast("int")


def write_files(rows: DataFrame, day: str, targets: Mapping[str | None, Target]) -> list[Written]:
    """Write rows, files of one kind and one day each, below `<uri of the kind>/_day=<day>`.

    Args:
        rows: With the columns of the targets and, unless there is one target for all, `_kind`; with
            `_part`, or without.
        day: Column of the day.
        targets: By kind; None stands for all rows. A row of another kind is only counted.

    Returns:
        The files, sorted; of rows that were only counted, an empty URI for each day and task.
    """
    kinds = dict(targets)
    is_one = None in kinds

    split = [*([] if is_one else [KIND]), day, *([PART] if PART in rows.columns else [])]

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sink = _Sink(kinds)
        for batch in batches:
            for values, mine in _parts(batch, split):
                named = dict(zip(split, values, strict=True))
                sink.add(_Place(named.get(KIND), named[day], named.get(PART)), mine)
        sink.close_all()
        yield pa.RecordBatch.from_pylist([vars(one) for one in sink.written], schema=WRITTEN)

    found = rows.mapInArrow(write, from_arrow_schema(WRITTEN)).collect()
    return sorted(
        (Written(**row.asDict()) for row in found),
        key=lambda one: (one.kind or "", one.uri, one.row_count),
    )


def _parts(
    batch: pa.RecordBatch, names: Sequence[str]
) -> Iterator[tuple[tuple[Any, ...], pa.RecordBatch]]:
    """Rows apart that differ in the columns `names`, with their values there."""
    if not names:
        yield (), batch
        return
    column, rest = batch.column(names[0]), names[1:]
    values = pc.unique(column)
    for value in values:
        mine = batch
        if len(values) > 1:
            mine = batch.filter(pc.equal(column, value) if value.is_valid else pc.is_null(column))
        for more, part in _parts(mine, rest):
            yield (value.as_py(), *more), part


@dataclass(frozen=True)
class _Place:
    """Where a row goes."""

    kind: str | None
    day: datetime.date | None
    part: int | None


class _Sink:
    """The files that one task writes.

    Rows may come in any order of days: engines drop a sort that nothing but a file's name needs.
    """

    def __init__(self, targets: Mapping[str | None, Target]) -> None:
        self.targets = targets
        self.open: dict[_Place, _File] = {}
        self.written: list[Written] = []
        self.held_bytes = 0
        """Of all open files."""

    def add(self, place: _Place, batch: pa.RecordBatch) -> None:
        if place.kind not in self.targets:
            self.written.append(Written(place.kind, place.day, "", batch.num_rows))
            return
        if place not in self.open:
            if len(self.open) == MAX_OPEN:
                self.close(next(iter(self.open)))
            self.open[place] = _File(self.targets[place.kind], place)
        self.held_bytes += self.open[place].add(batch)
        if self.held_bytes > MAX_HELD_BYTES:
            self.held_bytes -= max(self.open.values(), key=lambda file: file.held_bytes).flush()

    def close(self, place: _Place) -> None:
        file = self.open.pop(place)
        self.held_bytes -= file.close()
        self.written.append(Written(place.kind, place.day, file.uri, file.row_count, place.part))

    def close_all(self) -> None:
        for place in list(self.open):
            self.close(place)


class _File:
    """One file; rows are collected until they fill a row group, or memory asks for them."""

    def __init__(self, target: Target, place: _Place) -> None:
        self.schema = target.schema
        # Files are read in the order of their names.
        part = "" if place.part is None else f"{place.part:05d}-"
        self.uri = f"{target.uri}/{DAY_FOLDER}={place.day}/{part}{uuid.uuid4().hex}.parquet"
        self.writer: pq.ParquetWriter | None = None
        self.row_count = 0
        self.held: list[pa.RecordBatch] = []
        self.held_rows = self.held_bytes = 0

    def add(self, batch: pa.RecordBatch) -> int:
        """Returns by how many bytes more is held."""
        self.held.append(batch.select(self.schema.names).cast(self.schema))
        self.held_rows += batch.num_rows
        added = int(self.held[-1].nbytes)
        self.held_bytes += added
        return added - (self.flush() if self.held_rows >= ROW_GROUP_ROWS else 0)

    def flush(self) -> int:
        """Returns by how many bytes less is held."""
        if self.writer is None:
            # Not before: of a year of days, few are written at a time.
            system, path = system_of(self.uri)
            make_folder(system, path.rsplit("/", 1)[0])
            self.writer = pq.ParquetWriter(
                path,
                self.schema,
                filesystem=system,
                compression="zstd",
                use_dictionary=_repetitive(self.held),
            )
        if self.held_rows:
            self.writer.write_table(pa.Table.from_batches(self.held, self.schema))
        self.row_count += self.held_rows
        freed = self.held_bytes
        self.held, self.held_rows, self.held_bytes = [], 0, 0
        return freed

    def close(self) -> int:
        """Returns by how many bytes less is held."""
        freed = self.flush()
        assert self.writer is not None
        self.writer.close()
        return freed


def _repetitive(held: list[pa.RecordBatch]) -> list[str]:
    """Columns whose values come again and again: of others, a dictionary takes time and space."""
    sample = max(held, key=lambda batch: batch.num_rows).slice(0, SAMPLE_ROWS)
    most = sample.num_rows / 2
    return [
        # Parquet's name for the values of a list.
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field, values in zip(sample.schema, sample.columns, strict=True)
        if not pa.types.is_struct(field.type)
        if pa.types.is_list(field.type) or pc.count_distinct(values, mode="all").as_py() <= most
    ]
