"""Which staged partitions hold the very rows that their table holds already."""

from collections.abc import Sequence
from datetime import date

from include.contracts import Table
from include.lake.checksum import rows_checksum
from include.lake.staging import day_of
from include.lake.tables import DataFile, Lake

BATCH_ROWS = 100_000


def unchanged_days(
    lake: Lake, contract: Table, days: Sequence[date], files: Sequence[str]
) -> set[date]:
    """Compare staged partitions with what the table holds, row by row but in any order.

    Rows are read only where their number is the same: hardly ever, but for a day that is built
    again, and hardly ever in vain.

    Args:
        lake: The lake.
        contract: The table.
        days: Partitions that were staged, empty ones included.
        files: Their staged files.

    Returns:
        The days without a difference.
    """
    held = lake.files_by_day(contract)
    staged: dict[date, list[str]] = {}
    for file in files:
        staged.setdefault(day_of(file), []).append(file)
    return {
        day for day in days if _are_equal(lake, contract, held.get(day, []), staged.get(day, []))
    }


def _are_equal(
    lake: Lake, contract: Table, held: Sequence[DataFile], staged: Sequence[str]
) -> bool:
    there = [file.uri for file in held]
    if sorted(there) == sorted(staged):
        return True
    if sum(file.row_count for file in held) != sum(lake.row_count(file) for file in staged):
        return False
    return _checksum(lake, contract, there) == _checksum(lake, contract, staged)


def _checksum(lake: Lake, contract: Table, files: Sequence[str]) -> str:
    return rows_checksum(lake.stream(contract, files, contract.column_names, BATCH_ROWS))
