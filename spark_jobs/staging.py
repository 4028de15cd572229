"""Write rows where no reader sees them yet: files of one attempt, each of one day."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.contracts import Table
from include.errors import PipelineError
from include.lake.receipts import StagedTable
from include.lake.staging import DAY_FOLDER, day_of, parquet_files
from include.lake.tables import Lake


def write(
    lake: Lake,
    contract: Table,
    attempt: str,
    rows: DataFrame,
    days: Sequence[date],
    *,
    is_grouped: bool = False,
) -> StagedTable:
    """Write an attempt's rows of a table.

    Args:
        lake: The lake.
        contract: The table.
        attempt: Whose rows they are.
        rows: With at least the contract's columns.
        days: Partitions that the rows replace.
        is_grouped: Whether rows of a day lie together already, as landed files do: then they
            are written as they are, without a shuffle.

    Returns:
        The files, without a verdict.

    Raises:
        PipelineError: A row is of another day.
    """
    uri = lake.stage_uri(contract, attempt)
    schema = contract.spark_schema()
    typed = rows.select(*[F.col(f.name).cast(f.dataType).alias(f.name) for f in schema.fields])
    # partitionBy drops its column from the files, but Iceberg needs it there: use a copy.
    copied = typed.withColumn(DAY_FOLDER, F.col(contract.partition))
    if not is_grouped:
        # Lets a day of few rows be one file and a day of many be several.
        copied = copied.hint("rebalance", DAY_FOLDER)
    copied.write.partitionBy(DAY_FOLDER).parquet(uri)
    files = [file for file in parquet_files(uri) if f"/{DAY_FOLDER}=" in file]
    counts: dict[str, int] = {}
    for file in files:
        day = day_of(file).isoformat()
        counts[day] = counts.get(day, 0) + lake.row_count(file)
    if strays := set(counts) - {day.isoformat() for day in days}:
        raise PipelineError(
            f"{contract.name}: rows of {', '.join(sorted(strays))}, which are none of the "
            f"{len(days)} days from {min(days)} to {max(days)} that are to be replaced"
        )
    return StagedTable(
        table=contract.name, files=tuple(files), days=tuple(days), rows=counts, results=()
    )
