"""Files are of one kind and one day, hold each row once, and are few whatever the order of rows."""

import random
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from spark_jobs import sink
from spark_jobs.sink import Target, write_files

FIRST = date(2026, 3, 1)
SCHEMA = pa.schema([("number", pa.int64()), ("day", pa.date32())])


def read(uris: list[str]) -> list[tuple[int, date]]:
    found = []
    for uri in uris:
        table = pq.read_table(uri.removeprefix("file://"), partitioning=None)
        found += list(zip(table["number"].to_pylist(), table["day"].to_pylist(), strict=True))
    return sorted(found)


@pytest.mark.parametrize("held_bytes", [1 << 20, 1], ids=["held", "never held"])
def test_a_file_of_each_day_and_kind_whatever_the_order(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(sink, "MAX_HELD_BYTES", held_bytes)
    rows = [
        (n, FIRST + timedelta(days=n % 50), "even" if n % 2 == 0 else "odd") for n in range(900)
    ]
    random.Random(1).shuffle(rows)
    frame = spark.createDataFrame(rows, "number long, day date, _kind string").coalesce(1)
    targets: dict[str | None, Target] = {"even": Target(tmp_path.as_uri(), SCHEMA)}
    written = write_files(frame, "day", targets)
    files = [one for one in written if one.kind == "even"]
    assert len(files) == len({one.uri for one in files}) == 25, "50 days, every other one is even"
    assert all(f"/_day={one.day}/" in one.uri for one in files)
    assert read([one.uri for one in files]) == sorted(row[:2] for row in rows if row[2] == "even")
    counted = [one for one in written if one.kind == "odd"]
    assert {one.uri for one in counted} == {""}
    assert sum(one.row_count for one in counted) == 450


def test_no_rows_make_no_files(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([], "number long, day date")
    assert write_files(frame, "day", {None: Target(tmp_path.as_uri(), SCHEMA)}) == []
    assert list(tmp_path.iterdir()) == []


def test_parts_of_a_day_lie_in_files_that_are_read_in_their_order(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [(n, FIRST, n % 3) for n in range(90)]
    frame = spark.createDataFrame(rows, "number long, day date, _part int").coalesce(1)
    written = write_files(frame, "day", {None: Target(tmp_path.as_uri(), SCHEMA)})
    assert [{n % 3 for n, _ in read([one.uri])} for one in written] == [{0}, {1}, {2}]
