"""The Spark session that every job uses."""

import os
import tempfile

from pyspark.sql import SparkSession


def spark_session(name: str) -> SparkSession:
    """The session of this process.

    Only settings that decide what a result is, or that small days need, are made here; where and
    how big the cluster is comes from `spark-submit`.
    """
    return (
        SparkSession.builder.appName(name)
        .config("spark.sql.session.timeZone", "UTC")
        # Iceberg's timestamps are microseconds; the default (INT96) isn't readable by all engines.
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.parquet.compression.codec", "zstd")
        # Timestamps in nanoseconds, as pandas writes them, would fail the file without its name:
        # `landing_reader` makes times of the numbers.
        .config("spark.sql.legacy.parquet.nanosAsLong", "true")
        # AQE merges small shuffle partitions, but each still costs a task to plan: a day's work
        # doesn't need 200. Clusters override it.
        .config("spark.sql.shuffle.partitions", os.environ.get("SPARK_SHUFFLE_PARTITIONS", "8"))
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.warehouse.dir", f"{tempfile.gettempdir()}/spark-warehouse")
        # What is kept is read two or three times within a minute: not worth compressing.
        .config("spark.sql.inMemoryColumnarStorage.compressed", "false")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
