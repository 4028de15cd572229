"""Tables of the lake as a job reads them: each at one snapshot, whatever is committed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.config import PipelineConfig
from include.contracts import Table, core, lake_tables
from include.contracts.lineage import lineage
from include.days import Days
from include.errors import PipelineError
from include.lake.read_files import read_files
from include.lake.receipts import StagedTable
from include.lake.tables import Lake, Pin
from include.settings import Settings
from spark_jobs.session import fit_shuffles
from spark_jobs.transforms.erased import with_erased


@dataclass
class Tables:
    """Lake tables at pinned snapshots, with what an attempt staged laid over them."""

    spark: SparkSession
    settings: Settings
    config: PipelineConfig
    days: Days
    pins: Mapping[str, Pin] = field(default_factory=dict, kw_only=True)
    """By table, the snapshot that is read."""
    staged: dict[str, StagedTable] = field(default_factory=dict, kw_only=True)
    inputs: dict[str, int | None] = field(default_factory=dict, kw_only=True)
    """Snapshots of what was read."""

    def __post_init__(self) -> None:
        """Open the lake."""
        self.lake = Lake(self.settings)
        self.tables = lake_tables(self.event_types)
        self.lineage = lineage(self.config.events.duplicate_lookback_days, self.config.horizon_days)

    def reach(self, name: str, input_name: str, days: Sequence[date] | None = None) -> Days:
        """The partitions of an input that make a table's partitions of `days` (default: the job's).

        Raises:
            PipelineError: The table isn't made from that input: `include/contracts/lineage.py`
                doesn't know of it.
        """
        made = days if days is not None else list(self.days)
        for reads in self.lineage:
            if (reads.table_name, reads.input_table) == (name, input_name):
                return reads.reach(min(made), max(made))
        raise PipelineError(f"include/contracts/lineage.py: {name} is not made from {input_name}")

    @property
    def event_types(self) -> tuple[str, ...]:
        """The vocabulary."""
        return self.config.events.names

    def contract(self, name: str) -> Table:
        """The contract of a lake table."""
        return self.tables[name]

    def held_days(self, name: str, days: Days) -> set[date]:
        """The days of a range that have at least one row in the pinned snapshot of a table."""
        files = self.lake.data_files(self.contract(name), days, self.pins[name].snapshot_id)
        return {file.day for file in files}

    def read(self, name: str, days: Days | None = None) -> DataFrame:
        """Rows of a lake table: the pinned snapshot, with this attempt's days laid over it.

        Rows of erased users are left out: while somebody is being erased, they are there in some
        tables.
        """
        rows = self._read(name, days)
        if "user_id" not in rows.columns or not self._erased:
            return rows
        return (
            with_erased(rows, F.col("user_id"), self._erased)
            .where("not is_erased")
            .drop("is_erased")
        )

    @cached_property
    def _erased(self) -> list[int]:
        ids = self.lake.arrow(
            core.ERASED_USERS,
            snapshot_id=self.pins[core.ERASED_USERS.name].snapshot_id,
            columns=("user_id",),
        )
        return list(ids.column("user_id").to_pylist())

    def _read(self, name: str, days: Days | None) -> DataFrame:
        contract = self.contract(name)
        self.inputs[name] = self.pins[name].snapshot_id
        files = self.lake.data_files(contract, days, self.inputs[name])
        rows = self.lake.read(self.spark, contract, files)
        staged = self.staged.get(name)
        if staged is None:
            self._reads(name, sum(file.row_count for file in files))
            return rows
        over = {day: staged.rows.get(f"{day}", 0) for day in staged.days if not days or day in days}
        kept = sum(file.row_count for file in files if file.day not in over)
        self._reads(name, kept + sum(over.values()))
        mine = self.staged_rows(name)
        if days:
            mine = mine.where(F.col(contract.partition).between(days.first, days.last))
        return rows.where(~F.col(contract.partition).isin(*staged.days)).unionByName(mine)

    def _reads(self, name: str, rows: int) -> None:  # noqa: ARG002 - the name is for who overrides it
        fit_shuffles(self.spark, rows)

    def staged_rows(self, name: str) -> DataFrame:
        """The rows that this attempt staged for a lake table, from the files."""
        staged, schema = self.staged[name], self.contract(name).spark_schema()
        if not staged.files:
            return self.spark.createDataFrame([], schema)
        return read_files(self.spark, schema, staged.files, sum(staged.rows.values()))
