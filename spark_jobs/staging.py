"""Write rows where no reader sees them yet: files of one attempt, each of one day."""

import math
from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from include.contracts import Table
from include.errors import PipelineError
from include.lake.receipts import StagedTable
from spark_jobs.sink import PART, Target, Written, part_of, write_files

TASKS_OF_FEW_DAYS = 8
"""Few days are written by about as many tasks together, so that no core waits for one of them."""


def write(uri: str, contract: Table, rows: DataFrame, days: Sequence[date]) -> StagedTable:
    """Write an attempt's rows of a table.

    Args:
        uri: Where to: a folder of the attempt's own.
        contract: The table.
        rows: With at least the contract's columns.
        days: Partitions that the rows replace.

    Returns:
        The files, without a verdict.

    Raises:
        PipelineError: A row is of another day.
    """
    fields = contract.spark_schema().fields
    rows = rows.select(*[F.col(f.name).cast(f.dataType).alias(f.name) for f in fields])
    spread = math.ceil(TASKS_OF_FEW_DAYS / max(len(days), 1))
    if contract.is_shuffled:
        rows = _shuffled(rows, contract, spread)
    elif len(days) > 1:
        # Lets a day of few rows be one file.
        salt = part_of([contract.columns[0].name], spread)
        rows = rows.repartition(contract.partition, *([salt] if spread > 1 else []))
    target = Target(uri, contract.arrow_schema())
    return staged_table(contract, days, write_files(rows, contract.partition, {None: target}))


def _shuffled(rows: DataFrame, contract: Table, spread: int) -> DataFrame:
    """Rows of a day and part in the order of a hash of their keys, whatever order they come in."""
    rows = rows.withColumn(PART, part_of(contract.key, spread))
    order = Window.partitionBy(contract.partition, PART).orderBy(
        F.xxhash64(*contract.key), *contract.key
    )
    # A number, as engines drop a sort that no operator asks for.
    return rows.withColumn("_place", F.row_number().over(order))


def staged_table(contract: Table, days: Sequence[date], written: Sequence[Written]) -> StagedTable:
    """What was written of a table.

    Raises:
        PipelineError: A row is of another day.
    """
    counts: dict[str, int] = {}
    for file in written:
        counts[str(file.day)] = counts.get(str(file.day), 0) + file.row_count
    if strays := set(counts) - {day.isoformat() for day in days}:
        raise PipelineError(
            f"{contract.name}: rows of {', '.join(sorted(strays))}, which are none of the "
            f"{len(days)} days from {min(days)} to {max(days)} that are to be replaced"
        )
    files = sorted(file.uri for file in written)
    return StagedTable(
        table=contract.name, files=tuple(files), days=tuple(days), rows=counts, results=()
    )
