"""What the yardsticks in Spark have in common: a session, and landed events as they come."""

from pyspark.sql import DataFrame, SparkSession

from tests.bench.yardsticks.work import Work

LANDED = ("event_id", "occurred_at", "user_id", "listing_id", "event_type", "value")


def session(name: str) -> SparkSession:
    """A session as `spark-submit` says; files as those of the project's jobs."""
    return (
        SparkSession.builder.appName(name)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .getOrCreate()
    )


def landed_events(spark: SparkSession, asked: Work) -> DataFrame:
    """One row a landed event: Parquet as it is typed, JSON as texts."""
    if asked.form == "parquet":
        return spark.read.parquet(*asked.landed)
    texts = ", ".join(f"{name} string" for name in LANDED)
    return spark.read.schema(texts).json(list(asked.landed))
