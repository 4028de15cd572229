"""Read Parquet files whose rows are known, and refuse to read fewer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from include.errors import StoreAwayError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


def read_files(
    spark: "SparkSession", schema: "StructType", uris: Sequence[str], row_count: int
) -> "DataFrame":
    """The rows of Parquet files.

    Sail takes a file that isn't there for one without rows, and a store may say of a file, for a
    moment, that it isn't there: tables would be made of the rest, and nobody would know. So the
    engine counts first, which takes a look at the ends of the files.

    Args:
        spark: The session.
        schema: Of the rows.
        uris: The files; at least one.
        row_count: Rows that they hold together.

    Raises:
        StoreAwayError: The engine finds other rows than there are.
    """
    rows = spark.read.schema(schema).parquet(*uris)
    found = rows.count()
    if found != row_count:
        folder = min(uris).rpartition("/")[0]
        raise StoreAwayError(
            f"of {len(uris)} files in {folder} (and beside it) {found:,} rows can be read, and "
            f"{row_count:,} were written: a file is missing, or its store says so for a moment. "
            "Nothing was changed. Clear this task; if it says the same, build again what wrote them"
        )
    return rows
