"""What a job works with: tables to read, and a place to stage what it makes.

Several jobs can run one after the other in one Spark application (a JVM and Great Expectations take
15 s to start, a day's work takes less): a later job reads what an earlier one staged, as if it were
committed already. Nothing is visible to others until the gate and publish tasks have their say.
"""

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from pyarrow import fs
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from include.contracts import Table, core
from include.contracts.known import KNOWN
from include.lake.read_files import read_files
from include.lake.receipts import StagedTable
from include.lake.tables import Pin
from include.landing.batches import CORRUPT
from include.landing.zone import Landing
from include.quality.accounting import Accounting
from include.quality.event_counts import COUNTED
from include.quality.runner import Audit
from include.store import system_of
from spark_jobs.accounting import account, rows_by_day
from spark_jobs.audits import Audits, Count
from spark_jobs.landed import Landed, counts_of
from spark_jobs.landing_reader import look_at, read_landed
from spark_jobs.sink import Target, Written, write_files
from spark_jobs.stage_log import StageLog
from spark_jobs.staging import staged_table, write
from spark_jobs.tables import Tables
from spark_jobs.transforms.erased import with_erased
from spark_jobs.transforms.parsing import WITHHELD, user_of

log = logging.getLogger(__name__)

ACCEPTED, REJECTED, DUPLICATE, ERASED = "accepted", "rejected", "duplicate", "erased"
"""What becomes of a landed row: exactly one of these."""
KEPT_BELOW = "core.rejected_events"


@dataclass
class Workspace(Tables):
    """One attempt of one or more jobs for a range of days."""

    attempt: str
    audit: Audit
    accounting: list[Accounting] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the lake."""
        super().__post_init__()
        self.stages = StageLog(self.days, self.attempt)
        self.landing = Landing(self.settings.landing_uri)
        # All at once, before anything is read: publish refuses what changed since.
        for contract in self.tables.values():
            self.lake.create(contract)
        self.pins = self._pins()
        self.audits = Audits(self.audit, self.config.quality)
        self._schemas: dict[str, T.StructType] = {}
        # Below a table, where maintenance and erasure find what a killed attempt left. Asked for
        # once: to forget it must need no catalog, which may be why the job failed.
        below = self.lake.stage_uri(self.contract(KEPT_BELOW), self.attempt)
        self._kept_uri = f"{below}/kept"
        # What is built now must not be committed after somebody else was erased: publish compares.
        self.inputs[core.ERASED_USERS.name] = self.pins[core.ERASED_USERS.name].snapshot_id

    def _pins(self) -> dict[str, Pin]:
        """Every table as it is now; what was known belongs to the arrivals that were looked at."""
        while True:
            pins = {name: self.lake.pin(contract) for name, contract in self.tables.items()}
            if all(self.lake.pin(self.contract(name)) == pins[name] for name in KNOWN):
                return pins

    def _reads(self, name: str, rows: int) -> None:
        self.stages.read(name, rows)
        super()._reads(name, rows)

    def landed(self, table: str, columns: tuple[str, ...], required: tuple[str, ...]) -> Landed:
        """The landed rows of the job's days.

        Args:
            table: The landing table.
            columns: What to read.
            required: What each file must have.

        Raises:
            LandingError: As `look_at` raises it.
        """
        files = look_at(self.landing, table, self.days, required)
        counts = counts_of(files)
        if counts is not None:
            self._reads(f"landing/{table}", sum(counts.values()))
            return Landed(self.spark, files, columns, counts)
        started = time.monotonic()
        rows = read_landed(self.spark, files, columns)
        if table == "users":
            # A line that can't be read may hold an address, and what is kept lies in the lake.
            rows = rows.withColumn(CORRUPT, F.when(F.col(CORRUPT).isNotNull(), F.lit(WITHHELD)))
        kept, written = self._keep(f"landed_{table}", rows)
        counts = rows_by_day(written)
        self._reads(f"landing/{table}", sum(counts.values()))
        print(f"[{table}] {sum(counts.values()):,} landed rows read as text in "
              f"{time.monotonic() - started:.1f} s", flush=True)  # fmt: skip
        return Landed(self.spark, files, columns, counts, kept)

    def with_erased(self, parsed: DataFrame) -> DataFrame:
        """Add `is_erased`: whether a landed row is of a user who was erased.

        Args:
            parsed: One row a landed row, with `user_id` (null where it could not be parsed) and the
                originals in `landed`.
        """
        return with_erased(parsed, user_of("user_id"), self._erased)

    def keep(self, name: str, rows: DataFrame) -> tuple[DataFrame, int]:
        """Write rows down for as long as the attempt lasts, so that they are made once.

        Returns:
            The rows, from the files; how many there are.
        """
        kept, written = self._keep(name, rows)
        return kept, sum(one.row_count for one in written)

    def _keep(self, name: str, rows: DataFrame) -> tuple[DataFrame, list[Written]]:
        schema, day = rows.schema, "ingest_date"
        if day not in rows.columns:
            rows = rows.withColumn(day, F.lit(None).cast("date"))
        target = Target(f"{self._kept_uri}/{name}", to_arrow_schema(schema))
        written = write_files(rows, day, {None: target})
        return self._rows_of(written, schema), written

    def write(self, rows: DataFrame, targets: Mapping[str, str | tuple[str, ...]]) -> list[Written]:
        """Write rows by kind, in one pass.

        Args:
            rows: With `_kind`, `ingest_date` and the columns of each kind's target.
            targets: By kind, the lake table that the rows are staged for, or names of columns to
                keep for `written_rows`. A kind without a target is counted.
        """
        contracts = {n: self.contract(n) for n in targets.values() if isinstance(n, str)}
        kinds = {f.name: f for c in contracts.values() for f in c.spark_schema().fields}
        rows = rows.select(
            *[F.col(n).cast(kinds[n].dataType).alias(n) if n in kinds else F.col(n)
              for n in rows.columns]
        )  # fmt: skip
        found: dict[str | None, Target] = {}
        for kind, place in targets.items():
            if isinstance(place, str):
                uri = self.lake.stage_uri(contracts[place], self.attempt)
                found[kind] = Target(uri, contracts[place].arrow_schema())
            else:
                self._schemas[kind] = rows.select(*place).schema
                found[kind] = Target(
                    f"{self._kept_uri}/{kind}", to_arrow_schema(self._schemas[kind])
                )
        return write_files(rows, "ingest_date", found)

    def written_rows(
        self, written: Sequence[Written], kind: str, part: int | None = None
    ) -> DataFrame:
        """The rows of a kind that `write` kept, or of a part of it."""
        mine = [one for one in written if one.kind == kind and one.part == part]
        return self._rows_of(mine, self._schemas[kind])

    def stage_written(
        self, name: str, written: Sequence[Written], kind: str, count: Count | None = None
    ) -> None:
        """Stage files that `write` wrote for a lake table, and audit them.

        Args:
            name: The lake table.
            written: What was written.
            kind: Of the table's rows.
            count: Counts them for the accounting of the landing table of the same name, beside the
                audit.
        """
        contract = self.contract(name)
        files = [one for one in written if one.kind == kind]
        self._stage(contract, staged_table(contract, list(self.days), files), count=count)

    def forget(self) -> None:
        """Delete what was kept; what is left of it, maintenance deletes with the attempt."""
        system, path = system_of(self._kept_uri)
        with contextlib.suppress(OSError):
            if system.get_file_info(path).type != fs.FileType.NotFound:
                system.delete_dir(path)

    def stage(
        self,
        name: str,
        rows: DataFrame,
        days: Sequence[date] | None = None,
    ) -> None:
        """Write rows where no reader sees them, and audit those files.

        Args:
            name: The lake table.
            rows: Its rows, with at least the contract's columns.
            days: Partitions that the rows replace; default: the job's days.
        """
        contract = self.contract(name)
        started = time.monotonic()
        replaced = list(days if days is not None else self.days)
        uri = self.lake.stage_uri(contract, self.attempt)
        staged = write(uri, contract, rows, replaced)
        self._stage(contract, staged, started)

    def _stage(
        self,
        contract: Table,
        staged: StagedTable,
        started: float | None = None,
        count: Count | None = None,
    ) -> None:
        took = f" in {time.monotonic() - started:.1f} s" if started else ""
        name = contract.name
        rows, files = sum(staged.rows.values()), len(staged.files)
        print(f"[{name}] {rows:,} rows in {files} files staged{took}", flush=True)
        self.stages.wrote(name, rows)
        self.staged[name] = staged
        self.audits.begin(contract, staged.files, count)

    def finish(self) -> None:
        """Wait for all audits; add their verdicts to what was staged, and what they counted."""
        for name, results in self.audits.finish().items():
            self.staged[name] = self.staged[name].model_copy(update={"results": results})
        for number, row in enumerate(self.accounting):
            counts = self.audits.counted.get(f"core.{row.table}")
            if counts is not None:
                update = counts.get(row.ingest_date, dict.fromkeys(COUNTED, 0))
                self.accounting[number] = row.model_copy(update=update)

    def _rows_of(self, written: Sequence[Written], schema: T.StructType) -> DataFrame:
        if not written:
            return self.spark.createDataFrame([], schema)
        rows = sum(one.row_count for one in written)
        return read_files(self.spark, schema, [one.uri for one in written], rows)

    def account(self, table: str, landed: Landed, written: Sequence[Written]) -> None:
        """Note where each day's landed rows went.

        Args:
            table: The landing table.
            landed: Its rows.
            written: All that was written of them, of each kind.

        Raises:
            PipelineError: The rows don't add up.
        """
        self.accounting += account(
            table,
            self.days,
            landed=landed.counts,
            accepted=rows_by_day(written, ACCEPTED),
            rejected=rows_by_day(written, REJECTED),
            duplicates=rows_by_day(written, DUPLICATE),
            erased=rows_by_day(written, ERASED),
        )
