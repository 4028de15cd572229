"""A shuffled table's rows lie in one order, whatever order they are made in."""

import random
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from include.contracts import Column, Table
from spark_jobs.staging import write

FIRST = date(2026, 3, 1)
EXAMPLES = Table(
    name="made.up",
    grain="user and day",
    key=("user_id",),
    partition="day",
    is_shuffled=True,
    columns=(
        Column(name="user_id", type="long", description=""),
        Column(name="day", type="date", description=""),
    ),
)


@pytest.mark.parametrize("days", [1, 3, 20])
def test_rows_lie_in_the_same_order_whatever_order_they_come_in(
    spark: SparkSession, tmp_path: Path, days: int
) -> None:
    dates = [FIRST + timedelta(days=n) for n in range(days)]
    rows = [(user, day) for user in range(400) for day in dates]

    def written(name: str, tasks: int) -> list[tuple[str, list[int]]]:
        random.shuffle(rows)
        frame = spark.createDataFrame(rows, "user_id long, day date").repartition(tasks)
        files = write((tmp_path / name).as_uri(), EXAMPLES, frame, dates).files
        found = []
        for uri in sorted(files):
            users = pq.read_table(uri.removeprefix("file://"), partitioning=None)["user_id"]
            found.append((uri.rpartition("_day=")[2].rpartition("-")[0], users.to_pylist()))
        return found

    once = written("once", 1)
    assert written("again", 5) == once
    assert sorted(user for _, users in once for user in users) == sorted(u for u, _ in rows)
    assert once[0][1] != sorted(once[0][1]), "an order that says something"
