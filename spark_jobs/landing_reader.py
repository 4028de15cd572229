"""Read landed files of any of the three formats into one DataFrame, or name the file that can't be.

Every file is looked at before anything reads it: its format, and that it has the columns that the
contract asks for. What's wrong with single rows is left to the transforms.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from include.days import Days
from include.errors import LandingError
from include.landing.batches import parts_of, read_batches, schema_of
from include.landing.files import LandedFile, inspect
from include.landing.zone import SUCCESS, Landing
from spark_jobs.session import most_tasks

LandedFiles = Sequence[tuple[LandedFile, date]]
"""Files with their days of arrival."""


def look_at(landing: Landing, table: str, days: Days, required: tuple[str, ...]) -> LandedFiles:
    """The landed files of a table and a range of days, looked at.

    Args:
        landing: The landing zone.
        table: `events`, `listings` or `users`.
        days: Days of arrival; each must have its `_SUCCESS`.
        required: Columns that each file must have.

    Raises:
        OSError: The store is away.
        StoreAwayError: It contradicts itself.
        LandingError: A day isn't complete, or a file is of no known format, can't be read, or
            lacks a required column. The text names it.
    """
    if missing := landing.incomplete([table], days):
        raise LandingError(
            f"{missing[0]} has no {SUCCESS}, so the day isn't complete"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + ". Ask the source, or wait; nothing was changed"
        )
    return [
        (inspect(uri, required), day)
        for day in days
        for uri in landing.files_of_complete(table, day)
    ]


def read_landed(spark: SparkSession, files: LandedFiles, columns: Sequence[str]) -> DataFrame:
    """The rows of landed files, read anew each time they are wanted.

    Args:
        spark: The session.
        files: As `look_at` found them.
        columns: What to read; a column that a file lacks is null.

    Returns:
        One row a landed row: `columns` (texts, or typed where all files agree on a type),
        `_corrupt_record` (the text of a row that can't be read), `file_number` (which of `files`
        it is from), and `ingest_date`.
    """
    schema = schema_of([file for file, _ in files], columns)
    spark_schema = from_arrow_schema(schema)
    parts = parts_of(files)
    if not parts:
        return spark.createDataFrame([], spark_schema)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from read_batches(parts[number], schema)

    tasks = spark.range(0, len(parts), 1, min(len(parts), most_tasks()))
    return tasks.mapInArrow(read, spark_schema)


def below_landing(uri: str) -> str:
    """The name of a landed file below the landing zone: table, day and name."""
    return "/".join(uri.split("/")[-3:])
