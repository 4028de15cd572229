"""Staged files as a view in DuckDB, where the audit looks at them."""

import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

import pyarrow as pa
from duckdb import DuckDBPyConnection
from pyarrow import fs
from sqlalchemy import StaticPool, create_engine

from include.store import system_of

FETCHED_AT_ONCE = 8
MEMORY = "2GB"
"""Of DuckDB: Spark works beside it. What needs more goes to temporary files."""


class StagedRows:
    """A database in memory with one view for each staged table.

    Great Expectations reads it over connections of its own, so it has a name in this process.
    """

    def __init__(self) -> None:
        """Open it; it lasts as long as this object."""
        self.url = f"duckdb:///:memory:audit-{uuid.uuid4().hex}"
        # DuckDB takes several connections to one database only where they are set up alike.
        connection = create_engine(self.url, poolclass=StaticPool).raw_connection()
        # A wrapper of DuckDB's connection, which does what that does.
        self.database = cast("DuckDBPyConnection", connection.driver_connection)
        for name, value in {
            "memory_limit": MEMORY,
            # By default below the working directory, which a worker may not be able to write.
            "temp_directory": tempfile.gettempdir(),
            "TimeZone": "UTC",
        }.items():
            self.database.execute(f"set global {name} = '{value}'")

    @contextmanager
    def shown(
        self, view: str, files: Sequence[str], schema: pa.Schema, computed: Mapping[str, str]
    ) -> Iterator[None]:
        """A view of the rows of some files, for as long as one looks at it.

        An audit reads each file dozens of times: what lies in a store is fetched once for it.

        Args:
            view: Its name.
            files: URIs of Parquet files; none for a table without rows.
            schema: Of the rows.
            computed: SQL of further columns, by name.
        """
        with tempfile.TemporaryDirectory(prefix="propensity-audit-") as folder:
            if files:
                rows = self.database.from_parquet(_near(files, folder), hive_partitioning=False)
            else:
                self.database.from_arrow(schema.empty_table()).create(f"{view}: no rows")
                rows = self.database.table(f'"{view}: no rows"')
            columns = ["*", *(f'{sql} as "{name}"' for name, sql in computed.items())]
            rows.project(", ".join(columns)).create_view(view)
            yield

    def distinct(self, view: str, columns: Sequence[str]) -> int:
        """How many different values columns have together, at least.

        Counted by hash, in a fraction of the memory. As many as there are rows proves that no value
        is there twice; fewer may be two values of one hash.
        """
        names = ", ".join(f'"{name}"' for name in columns)
        # Grouped: `count(distinct …)` over all rows takes twice as long.
        hashes = self.database.view(view).aggregate(f"hash({names}) as key", f"hash({names})")
        return int(hashes.aggregate("count(*)").fetchall()[0][0])


def _near(files: Sequence[str], folder: str) -> list[str]:
    """Paths of files on this machine: where they are, or copies below `folder`."""

    def fetched(number: int, uri: str) -> str:
        system, path = system_of(uri)
        if isinstance(system, fs.LocalFileSystem):
            return path
        copy = f"{folder}/{number}.parquet"
        fs.copy_files(
            path,
            copy,
            source_filesystem=system,
            destination_filesystem=fs.LocalFileSystem(),
            use_threads=False,
        )
        return copy

    with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
        return list(pool.map(fetched, range(len(files)), files))
