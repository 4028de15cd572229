"""What a job works with: tables to read, and a place to stage what it makes.

Several jobs can run one after the other in one Spark application (a JVM and Great Expectations take
15 s to start, a day's work takes less): a later job reads what an earlier one staged, as if it were
committed already. Nothing is visible to others until the gate and publish tasks have their say.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.config import PipelineConfig
from include.contracts import Table, core, lake_tables
from include.contracts.lineage import lineage
from include.days import Days
from include.errors import PipelineError
from include.lake.receipts import StagedTable
from include.lake.tables import Lake, Pin
from include.landing.zone import Landing
from include.quality import rules
from include.quality.accounting import Accounting
from include.quality.runner import Audit
from include.quality.verdict import ExpectationResult
from include.settings import Settings
from spark_jobs.accounting import account, per_day
from spark_jobs.staging import write
from spark_jobs.transforms.parsing import user_of

log = logging.getLogger(__name__)


@dataclass
class Workspace:
    """One attempt of one or more jobs for a range of days."""

    spark: SparkSession
    settings: Settings
    config: PipelineConfig
    days: Days
    attempt: str
    audit: Audit
    staged: dict[str, StagedTable] = field(default_factory=dict)
    inputs: dict[str, int | None] = field(default_factory=dict)
    accounting: list[Accounting] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    erased: dict[str, dict[date, int]] = field(default_factory=dict)
    """Landed rows that were left out, by landing table and day."""

    def __post_init__(self) -> None:
        """Open the lake."""
        self.lake = Lake(self.settings)
        self.landing = Landing(self.settings.landing_uri)
        self.tables = lake_tables(self.event_types)
        self.lineage = lineage(self.config.events.duplicate_lookback_days, self.config.horizon_days)
        # All at once, before anything is read: publish refuses what changed since.
        self.pins = {name: self._pin(contract) for name, contract in self.tables.items()}
        # One at a time: Great Expectations' context isn't made for several threads.
        self._auditor = ThreadPoolExecutor(1, "audit")
        self._verdicts: dict[str, Future[tuple[ExpectationResult, ...]]] = {}
        # What is built now must not be committed after somebody else was erased: publish compares.
        self.inputs[core.ERASED_USERS.name] = self.pins[core.ERASED_USERS.name].snapshot_id

    def _pin(self, contract: Table) -> Pin:
        self.lake.create(contract)
        return self.lake.pin(contract)

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

    def read(self, name: str, days: Days | None = None) -> DataFrame:
        """Rows of a lake table: the current snapshot, with this attempt's days laid over it.

        The snapshot is the one that was current when the attempt began.
        """
        contract = self.contract(name)
        self.inputs[name] = self.pins[name].snapshot_id
        rows = self.lake.read(self.spark, contract, days, self.inputs[name])
        staged = self.staged.get(name)
        if staged is None:
            return rows
        mine = self._staged_rows(contract, staged.files)
        if days:
            mine = mine.where(F.col(contract.partition).between(days.first, days.last))
        return rows.where(~F.col(contract.partition).isin(*staged.days)).unionByName(mine)

    def without_erased(self, table: str, parsed: DataFrame) -> DataFrame:
        """Leave out landed rows of users who were erased, and count them by day.

        Args:
            table: The landing table.
            parsed: One row a landed row, with `user_id` (null where it could not be parsed), the
                originals in `landed`, and `ingest_date`.

        Returns:
            The rows of everybody else.
        """
        ids = self.lake.arrow(
            core.ERASED_USERS,
            snapshot_id=self.inputs[core.ERASED_USERS.name],
            columns=("user_id",),
        )
        if not ids.num_rows:
            return parsed
        users = self.spark.createDataFrame(
            [(user,) for user in ids.column("user_id").to_pylist()], "_erased long"
        )
        rows = parsed.withColumn("_user", user_of("user_id"))
        match = F.col("_user") == F.col("_erased")
        gone = rows.join(F.broadcast(users), match, "left_semi")
        self.erased[table] = per_day(gone)
        return rows.join(F.broadcast(users), match, "left_anti").drop("_user")

    def stage(
        self,
        name: str,
        rows: DataFrame,
        days: Sequence[date] | None = None,
        *,
        is_grouped: bool = False,
    ) -> DataFrame:
        """Write rows where no reader sees them, audit those files, and read them back.

        Args:
            name: The lake table.
            rows: Its rows, with at least the contract's columns.
            days: Partitions that the rows replace; default: the job's days.
            is_grouped: Whether rows of a day lie together already, as landed files do: then they
                are written as they are, without a shuffle.

        Returns:
            The staged rows, from the files.
        """
        contract = self.contract(name)
        started = time.monotonic()
        replaced = list(days if days is not None else self.days)
        staged = write(self.lake, contract, self.attempt, rows, replaced, is_grouped=is_grouped)
        print(
            f"[{name}] {sum(staged.rows.values()):,} rows in {len(staged.files)} files staged in "
            f"{time.monotonic() - started:.1f} s",
            flush=True,
        )
        self.staged[name] = staged
        # Half of an audit is Python's: the next table is built meanwhile.
        self._verdicts[name] = self._auditor.submit(self._audit, contract, staged.files)
        return self._staged_rows(contract, staged.files)

    def finish_audits(self) -> None:
        """Wait for all audits, and add their verdicts to what was staged."""
        for name, verdict in self._verdicts.items():
            self.staged[name] = self.staged[name].model_copy(update={"results": verdict.result()})
        self._auditor.shutdown()

    def abandon_audits(self) -> None:
        """Don't wait for audits of an attempt that failed anyway."""
        self._auditor.shutdown(cancel_futures=True)

    def _audit(self, contract: Table, files: tuple[str, ...]) -> tuple[ExpectationResult, ...]:
        started = time.monotonic()
        expected = rules(contract, self.config.quality)
        results = tuple(self.audit.check(contract.name, files, contract.arrow_schema(), expected))
        failed = [result for result in results if not result.success]
        print(
            f"[{contract.name}] audited in {time.monotonic() - started:.1f} s: "
            f"{len(results) - len(failed)} of {len(results)} expectations hold"
            + "".join(
                f"\n  {r.severity}: {r.column} {r.expectation}: {r.observed}" for r in failed
            ),
            flush=True,
        )
        return results

    def _staged_rows(self, contract: Table, files: tuple[str, ...]) -> DataFrame:
        schema = contract.spark_schema()
        if not files:
            return self.spark.createDataFrame([], schema)
        return self.spark.read.schema(schema).parquet(*files)

    def account(
        self,
        table: str,
        landed: DataFrame,
        duplicates: DataFrame,
        core: str,
        rejected: DataFrame,
        counts: DataFrame | None = None,
    ) -> None:
        """Note where each day's landed rows went.

        Args:
            table: The landing table.
            landed: As `accounting.account` takes it.
            duplicates: As `accounting.account` takes them.
            core: Lake table of the accepted rows, staged before.
            rejected: The refused rows, as staged.
            counts: As `accounting.account` takes them.

        Raises:
            PipelineError: The rows don't add up.
        """
        accepted, erased = self.staged[core].rows, self.erased.get(table, {})
        self.accounting += account(
            table, self.days, landed, duplicates, accepted, rejected, erased, counts
        )
