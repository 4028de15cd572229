"""Digests of Parquet files: whatever wrote them, equal rows have equal digests.

DuckDB reads the files of both sides; columns are compared by name, and as the contract types them.
"""

from collections.abc import Sequence

import duckdb

from include.contracts import Table
from tests.bench.harness import Digest

MASK = (1 << 64) - 1
SQL_TYPES = {
    "string": "varchar",
    "long": "bigint",
    "int": "integer",
    "double": "double",
    "date": "date",
    "timestamp": "timestamptz",
    # Lists of whatever name their elements have.
    "strings": "varchar[]",
}


def digest(files: Sequence[str], contract: Table, without: Sequence[str] = ()) -> Digest:
    """Row count and checksum of the rows of some files.

    Args:
        files: Paths, patterns, or `file://` URIs of Parquet files.
        contract: Of the table that they are of.
        without: Columns that aren't compared.
    """
    if not files:
        return Digest(0, f"{0:016x}")
    columns = [column for column in contract.columns if column.name not in without]
    typed = ", ".join(f'"{c.name}"::{SQL_TYPES[c.type]}' for c in columns)
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        rows = database.read_parquet([file.removeprefix("file://") for file in files])
        ((row_count, total),) = rows.aggregate(f"count(*), sum(hash({typed}))").fetchall()
    return Digest(row_count, f"{int(total or 0) & MASK:016x}")
