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
from include.lake.staging import DAY_FOLDER, day_of, parquet_files
from include.lake.tables import Lake, Pin
from include.landing.zone import Landing
from include.quality import rules
from include.quality.accounting import Accounting
from include.quality.runner import Audit
from include.quality.verdict import ExpectationResult
from include.settings import Settings
from spark_jobs.transforms.parsing import user_of

log = logging.getLogger(__name__)

MANY_FILES = 32


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
        self.erased[table] = {row.ingest_date: row["count"] for row in _per_day(gone)}
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
        uri = self.lake.stage_uri(contract, self.attempt)
        schema = contract.spark_schema()
        typed = rows.select(*[F.col(f.name).cast(f.dataType).alias(f.name) for f in schema.fields])
        # partitionBy drops its column from the files, but Iceberg needs it there: use a copy.
        copied = typed.withColumn(DAY_FOLDER, F.col(contract.partition))
        if not is_grouped:
            # Lets a day of few rows be one file and a day of many be several.
            copied = copied.hint("rebalance", DAY_FOLDER)
        copied.write.partitionBy(DAY_FOLDER).parquet(uri)
        files = [file for file in parquet_files(uri) if f"/{DAY_FOLDER}=" in file]
        replaced = tuple(days if days is not None else self.days)
        counts: dict[str, int] = {}
        for file in files:
            day = day_of(file).isoformat()
            counts[day] = counts.get(day, 0) + self.lake.row_count(file)
        if strays := set(counts) - {day.isoformat() for day in replaced}:
            raise PipelineError(f"{name}: rows of {', '.join(sorted(strays))} outside {self.days}")
        print(
            f"[{name}] {sum(counts.values()):,} rows in {len(files)} files staged in "
            f"{time.monotonic() - started:.1f} s",
            flush=True,
        )
        self.staged[name] = StagedTable(
            table=name, files=tuple(files), days=replaced, rows=counts, results=()
        )
        # Half of an audit is Python's, and most of its Spark jobs are small: the next table is
        # built meanwhile.
        self._verdicts[name] = self._auditor.submit(self._audit, contract, tuple(files))
        return self._staged_rows(contract, tuple(files))

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
        rows = self._staged_rows(contract, files)
        if len(files) > MANY_FILES:
            # Each of the passes would open every file again: a year of small days took 10 s.
            rows = rows.persist()
        results = tuple(self.audit.check(contract.name, rows, rules(contract, self.config.quality)))
        rows.unpersist()
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
        core: str,
        rejected: DataFrame,
        counts: DataFrame | None = None,
    ) -> None:
        """Note where each day's landed rows went, from independent counts.

        Args:
            table: The landing table.
            landed: One row a landed row, with `ingest_date` and `is_duplicate`.
            core: Lake table of the accepted rows, staged before.
            rejected: The refused rows, as staged.
            counts: What else is counted of accepted rows: `ingest_date`, and further columns of
                `Accounting`; without a row of a day, they are 0.

        Raises:
            PipelineError: The rows don't add up.
        """
        seen = {
            row.ingest_date: row
            for row in landed.groupBy("ingest_date")
            .agg(
                F.count("*").alias("landed"),
                F.sum(F.col("is_duplicate").cast("long")).alias("duplicate"),
            )
            .collect()
        }
        refused = {row.ingest_date: row["count"] for row in _per_day(rejected)}
        none = dict.fromkeys(counts.columns, 0) if counts else {}
        more = {row.ingest_date: row.asDict() for row in counts.collect()} if counts else {}
        for day in self.days:
            row = seen.get(day)
            erased = self.erased.get(table, {}).get(day, 0)
            entry = Accounting(
                **{**none, **more.get(day, {}), "ingest_date": day},
                table=table,
                landed=(row.landed if row else 0) + erased,
                accepted=self.staged[core].rows.get(day.isoformat(), 0),
                rejected=refused.get(day, 0),
                duplicate=row.duplicate if row else 0,
                erased=erased,
            )
            if entry.landed != entry.accepted + entry.rejected + entry.duplicate + entry.erased:
                raise PipelineError(
                    f"{table} of {day} don't add up: {entry.landed} landed, {entry.accepted} "
                    f"accepted + {entry.rejected} rejected + {entry.duplicate} duplicate + "
                    f"{entry.erased} erased. This is a "
                    "defect of the job; nothing was committed"
                )
            self.accounting.append(entry)


def _per_day(rows: DataFrame) -> list:  # type: ignore[type-arg]
    return rows.groupBy("ingest_date").count().collect()
