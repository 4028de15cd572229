"""Staged files as a view in DuckDB, where the audit looks at them."""

import tempfile
import uuid
from collections.abc import Mapping, Sequence

import pyarrow as pa
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow import fs
from sqlalchemy import StaticPool, create_engine

from include.store import system_of

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
        database = connection.driver_connection
        assert database is not None
        self._database = database
        for name, value in {
            "memory_limit": MEMORY,
            # By default below the working directory, which a worker may not be able to write.
            "temp_directory": tempfile.gettempdir(),
            "TimeZone": "UTC",
        }.items():
            self._database.execute(f"set global {name} = '{value}'")
        self._systems: set[str] = set()

    def show(
        self, view: str, files: Sequence[str], schema: pa.Schema, computed: Mapping[str, str]
    ) -> None:
        """Make or replace a view of the rows of some files.

        Args:
            view: Its name.
            files: URIs of Parquet files; none for a table without rows.
            schema: Of the rows.
            computed: SQL of further columns, by name.
        """
        if files:
            locations = [self._location(uri) for uri in files]
            rows = self._database.from_parquet(locations, hive_partitioning=False)
        else:
            self._database.from_arrow(schema.empty_table()).create(f"{view}: no rows")
            rows = self._database.table(f'"{view}: no rows"')
        columns = ["*", *(f'{sql} as "{name}"' for name, sql in computed.items())]
        rows.project(", ".join(columns)).create_view(view)

    def distinct(self, view: str, columns: Sequence[str]) -> int:
        """How many different values columns have together, at least.

        Counted by hash, in a fraction of the memory. As many as there are rows proves that no value
        is there twice; fewer may be two values of one hash.
        """
        names = ", ".join(f'"{name}"' for name in columns)
        rows = self._database.view(view).aggregate(f"count(distinct hash({names}))").fetchall()
        return int(rows[0][0])

    def _location(self, uri: str) -> str:
        """How DuckDB names a file; of other systems than this machine's, PyArrow reads for it."""
        system, path = system_of(uri)
        if isinstance(system, fs.LocalFileSystem):
            return str(path)
        if system.type_name not in self._systems:
            self._database.register_filesystem(ArrowFSWrapper(system))
            self._systems.add(system.type_name)
        return f"{system.type_name}://{path}"
