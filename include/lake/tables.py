"""The lake's tables: Iceberg through PyIceberg, and how to read them.

Readers plan the files of one snapshot, so what they see does not change under them.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, parser
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import IdentityTransform
from sqlalchemy.exc import IntegrityError

from include.contracts import Column, Table
from include.database.address import database_url
from include.days import Days
from include.errors import LakeError
from include.lake.read_files import read_files
from include.settings import Settings, uri_of
from include.store import iceberg_properties, system_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

READ_BUFFER_BYTES = 1 << 20
EPOCH = date(1970, 1, 1)

TABLE_PROPERTIES = {
    # PyIceberg repeats an append that met another commit as it is, so that a day that two attempts
    # publish at once is there twice. Ours looks again what is there (`include/lake/commit.py`).
    "commit.retry.num-retries": "0",
    # Otherwise each commit adds a manifest for ever. Of 400 nights with 90 snapshots kept, planning
    # all files took 0.51 s, and 0.05 s merged; a commit 0.15 and 0.12 s. Whoever plans a day reads
    # all entries of a manifest (up to 1 ms each), so one may not become large.
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "10",
    "commit.manifest.target-size-bytes": "65536",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}


@dataclass(frozen=True, order=True)
class DataFile:
    """A data file of a table."""

    uri: str
    row_count: int
    day: date
    """Its partition."""


@dataclass(frozen=True)
class Pin:
    """A table as it is at one moment."""

    snapshot_id: int | None
    """None while it is empty."""
    number: int
    """Counts the table's commits: Iceberg's sequence number, 0 while it is empty."""


@dataclass(frozen=True)
class Lake:
    """The tables of one catalog."""

    settings: Settings

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog that the settings name."""
        properties = self.settings.catalog_options() or {
            "type": "sql",
            "uri": database_url(self.settings, "lake", "psycopg"),
        }
        return load_catalog(
            "lake",
            **{"warehouse": uri_of(self.settings.lake_uri), **iceberg_properties(), **properties},
        )

    def create(self, contract: Table) -> IcebergTable:
        """Make sure that a table exists and has the contract's columns.

        Raises:
            LakeError: A column exists with another type.
        """
        schema = contract.iceberg_schema()
        try:
            table = self.catalog.load_table(contract.name)
        except NoSuchTableError:
            try:
                return self._create(contract)
            except TableAlreadyExistsError:  # a neighbour was quicker
                table = self.catalog.load_table(contract.name)
        existing = {field.name: field.field_type for field in table.schema().fields}
        for field in schema.fields:
            known = existing.get(field.name)
            # Lists carry the ids that the catalog gave their elements: compare what they print.
            if known is not None and str(known) != str(field.field_type):
                raise LakeError(
                    f"{contract.name}.{field.name} is {known} in the lake and {field.field_type} "
                    "in the contract: migrate the table or rename the column"
                )
        if set(contract.column_names) - set(existing):
            with table.update_schema() as update:
                update.union_by_name(schema)
        if TABLE_PROPERTIES.items() - table.properties.items():  # made by an older version
            # Suppressed: a neighbour is at it, too.
            with contextlib.suppress(CommitFailedException), table.transaction() as transaction:
                transaction.set_properties(TABLE_PROPERTIES)
        return table

    def _create(self, contract: Table) -> IcebergTable:
        # The SQL catalog looks first and then inserts: a neighbour may do so in between.
        with contextlib.suppress(NamespaceAlreadyExistsError, IntegrityError):
            self.catalog.create_namespace(contract.name.split(".")[0])
        schema = contract.iceberg_schema()
        field = schema.find_field(contract.partition)
        return self.catalog.create_table(
            contract.name,
            schema=schema,
            location=f"{uri_of(self.settings.lake_uri)}/{contract.name.replace('.', '/')}",
            partition_spec=PartitionSpec(
                PartitionField(field.field_id, 1000, IdentityTransform(), contract.partition)
            ),
            properties=TABLE_PROPERTIES,
        )

    def table(self, contract: Table) -> IcebergTable:
        """A table, freshly loaded.

        Raises:
            LakeError: It does not exist.
        """
        try:
            return self.catalog.load_table(contract.name)
        except NoSuchTableError:
            raise LakeError(
                f"the lake has no table {contract.name}: run the job that builds it first"
            ) from None

    def snapshot_id(self, contract: Table) -> int | None:
        """The current snapshot of a table; None while it is empty."""
        return self.pin(contract).snapshot_id

    def pin(self, contract: Table) -> Pin:
        """The table as it is now."""
        snapshot = self.table(contract).current_snapshot()
        if snapshot is None:
            return Pin(None, 0)
        return Pin(snapshot.snapshot_id, int(snapshot.sequence_number or 0))

    def holds(self, contract: Table, snapshot_id: int) -> bool:
        """Whether a snapshot of a table can still be read: old ones are forgotten."""
        return self.table(contract).snapshot_by_id(snapshot_id) is not None

    def stage_uri(self, contract: Table, attempt: str) -> str:
        """Where an attempt stages its files: never used twice, so nothing is ever overwritten."""
        return f"{self.table(contract).location()}/staged/{attempt}"

    def files(
        self, contract: Table, days: Days | None = None, snapshot_id: int | None = None
    ) -> list[str]:
        """URIs of the data files of a snapshot (default: the current one), sorted."""
        return [file.uri for file in self.data_files(contract, days, snapshot_id)]

    def data_files(
        self, contract: Table, days: Days | None = None, snapshot_id: int | None = None
    ) -> list[DataFile]:
        """The data files of a snapshot (default: the current one), sorted by their URI.

        Raises:
            LakeError: The snapshot was forgotten.
        """
        table = self.table(contract)
        if table.current_snapshot() is None:
            return []
        where = between(contract, days) if days else AlwaysTrue()
        scan = table.scan(row_filter=where, snapshot_id=_kept(table, snapshot_id))
        return sorted(
            DataFile(task.file.file_path, task.file.record_count, _day_of(task.file))
            for task in scan.plan_files()
        )

    def read(
        self, spark: "SparkSession", contract: Table, files: Sequence[DataFile]
    ) -> "DataFrame":
        """The rows of data files as a Spark DataFrame with the contract's columns.

        Where a file is older than a column, the column holds what the contract says of rows from
        before it: a new event type was counted 0 times, not an unknown number of times.

        Raises:
            StoreAwayError: As `read_files` raises it.
        """
        from pyspark.sql import functions as F

        schema = contract.spark_schema()
        if not files:
            return spark.createDataFrame([], schema)
        rows = read_files(
            spark, schema, [file.uri for file in files], sum(file.row_count for file in files)
        )
        filled = {
            column.name: F.coalesce(
                column.name, F.lit(column.before).cast(schema[column.name].dataType)
            )
            for column in contract.columns
            if column.before is not None
        }
        return rows.withColumns(filled) if filled else rows

    def days(self, contract: Table) -> set[date]:
        """The days that have at least one row in the current snapshot."""
        return set(self.files_by_day(contract))

    def files_by_day(
        self, contract: Table, snapshot_id: int | None = None
    ) -> dict[date, list[DataFile]]:
        """The data files of a snapshot (default: the current one) by day, sorted by their URI."""
        found: dict[date, list[DataFile]] = {}
        for file in self.data_files(contract, snapshot_id=snapshot_id):
            found.setdefault(file.day, []).append(file)
        return found

    def stream(
        self, contract: Table, files: Sequence[str], columns: Sequence[str], batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Rows of data files in their order, a bounded number at a time, typed as in the contract.

        Unlike `batches`, it never holds a whole file: that is what keeps large fits in bounds.

        Args:
            contract: The table.
            files: URIs of its data files.
            columns: Columns, in the order asked for; as in `read` where an old file lacks one.
            batch_rows: Rows of a batch at most.
        """
        schema = arrow_schema(contract, tuple(columns))
        for uri in files:
            system, path = system_of(uri)
            with system.open_input_file(path) as source:
                parquet = pq.ParquetFile(source, buffer_size=READ_BUFFER_BYTES)
                held = [name for name in columns if name in parquet.schema_arrow.names]
                for batch in parquet.iter_batches(batch_rows, columns=held):
                    yield pa.RecordBatch.from_arrays(
                        [
                            _filled(
                                contract.column(field.name),
                                batch.column(field.name).cast(field.type)
                                if field.name in held
                                else pa.nulls(batch.num_rows, field.type),
                            )
                            for field in schema
                        ],
                        schema=schema,
                    )

    def row_count(self, file: str) -> int:
        """Rows of a data file, whether a snapshot refers to it or not."""
        system, path = system_of(file)
        return int(pq.read_metadata(path, filesystem=system).num_rows)

    def batches(
        self,
        contract: Table,
        days: Days | None = None,
        snapshot_id: int | None = None,
        columns: tuple[str, ...] = ("*",),
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a snapshot as Arrow batches, typed as in the contract, read file by file.

        Raises:
            LakeError: The snapshot was forgotten.
        """
        table = self.table(contract)
        if table.current_snapshot() is None:
            return
        where = between(contract, days) if days else AlwaysTrue()
        kept = _kept(table, snapshot_id)
        scan = table.scan(row_filter=where, snapshot_id=kept, selected_fields=columns)
        schema = arrow_schema(contract, columns)
        for batch in scan.to_arrow_batch_reader():
            known = batch.select(schema.names).cast(schema)
            yield pa.RecordBatch.from_arrays(
                [_filled(contract.column(name), known.column(name)) for name in schema.names],
                schema=schema,
            )

    def arrow(
        self,
        contract: Table,
        days: Days | None = None,
        snapshot_id: int | None = None,
        columns: tuple[str, ...] = ("*",),
    ) -> pa.Table:
        """The rows of a snapshot as one Arrow table, typed as in the contract."""
        batches = self.batches(contract, days, snapshot_id, columns)
        return pa.Table.from_batches(batches, schema=arrow_schema(contract, columns))


def _day_of(file: IcebergFile) -> date:
    value = file.partition[0]
    return value if isinstance(value, date) else EPOCH + timedelta(days=value)


def _kept(table: IcebergTable, snapshot_id: int | None) -> int | None:
    # PyIceberg plans no files of a snapshot that it doesn't find, as if the table had been empty.
    if snapshot_id is not None and table.snapshot_by_id(snapshot_id) is None:
        raise LakeError(
            f"{'.'.join(table.name())} has no snapshot {snapshot_id} any more: it was forgotten "
            "after `lake_snapshot_days` (warehouse.yaml), or by an erasure. Begin again from the "
            "present one (clear `build`)"
        )
    return snapshot_id


def arrow_schema(contract: Table, columns: tuple[str, ...] = ("*",)) -> pa.Schema:
    """The contract's Arrow schema, or that of some of its columns in the order asked for."""
    schema = contract.arrow_schema()
    return schema if columns == ("*",) else pa.schema([schema.field(name) for name in columns])


def _filled(column: Column, values: pa.Array) -> pa.Array:
    """Values of a column, with what the contract says of rows from before the column."""
    return values if column.before is None else values.fill_null(column.before)


def between(contract: Table, days: Days) -> BooleanExpression:
    """The Iceberg filter for the partitions of `days`."""
    name = contract.partition
    return parser.parse(f"{name} >= '{days.first}' and {name} <= '{days.last}'")
