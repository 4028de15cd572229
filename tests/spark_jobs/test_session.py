"""Apache Spark's sizes: from the input, unless somebody said them."""

import os
import shutil
import subprocess
import sys

import pytest

from include.settings import PROJECT

pytestmark = pytest.mark.skipif(
    shutil.which("java") is None, reason="no Java on this machine: Apache Spark isn't asked"
)
ASKS = """
from spark_jobs.session import fit_shuffles, spark_session

spark = spark_session("sizes")
for rows in (0, 9_000_001, 11_000_000, 5):
    fit_shuffles(spark, rows)
    print("size", spark.range(40).repartition("id").rdd.getNumPartitions(),
          spark.conf.get("spark.sql.shuffle.partitions"))
"""
AS_PLANNED = "--conf spark.sql.adaptive.enabled=false"


@pytest.mark.parametrize(
    ("said", "sizes"),
    [
        ("", ["8", "10", "11", "11"]),
        ("--master local[9]", ["9", "10", "11", "11"]),
        ("--conf spark.sql.shuffle.partitions=3", ["3"] * 4),
    ],
)
def test_a_shuffle_has_a_partition_a_million_rows_a_task_a_core_or_what_was_said(
    said: str, sizes: list[str]
) -> None:
    # Not what a session within this process left there.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    arguments = f"--master local[2] {said} {AS_PLANNED} pyspark-shell"
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        env=clean | {"PROPENSITY_SPARK_ENGINE": "spark", "PYTHONPATH": str(PROJECT),
                     "PYSPARK_SUBMIT_ARGS": arguments},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("size")]
    assert told == [[size, size] for size in sizes]
