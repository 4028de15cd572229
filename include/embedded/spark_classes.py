"""A small Spark application that uses what jobs use: the JVM archives the classes it loaded."""

import tempfile

from pyspark.sql import functions as F

from spark_jobs.session import spark_session


def main() -> None:
    """Write, read, join and aggregate a few rows."""
    spark = spark_session("classes")
    rows = spark.range(1_000).select(
        "id", (F.col("id") % 7).alias("key"), F.current_date().alias("day")
    )
    with tempfile.TemporaryDirectory() as folder:
        rows.hint("rebalance", "day").write.mode("overwrite").partitionBy("day").parquet(folder)
        back = spark.read.parquet(folder)
        joined = back.join(back.groupBy("key").agg(F.sum("id").alias("total")), "key", how="left")
        joined.collect()
    spark.stop()


if __name__ == "__main__":
    main()
