"""Receipts: what a Spark job staged, what the audit said, and where to find it.

The job writes its receipt last, under a name that the gate and publish tasks of the same DAG run
know; a second attempt of the job overwrites it and points to files of its own.
"""

from collections.abc import Collection
from datetime import date, datetime

from pydantic import Field

from include.days import Days
from include.errors import LakeError
from include.lake.staging import day_of
from include.quality.accounting import Accounting
from include.quality.verdict import ExpectationResult, Record
from include.settings import Settings, uri_of
from include.store import is_file, read_whole, write_whole


class StagedTable(Record):
    """Staged files of one table, with the verdict of the audit."""

    table: str
    files: tuple[str, ...]
    days: tuple[date, ...]
    """The partitions that the files replace; one without a row becomes empty."""
    rows: dict[str, int]
    """Rows of each day that has any; days as ISO dates."""
    results: tuple[ExpectationResult, ...]

    def files_of(self, days: Collection[date]) -> list[str]:
        """The files of some of its days."""
        return [file for file in self.files if day_of(file) in days]

    @property
    def failures(self) -> tuple[ExpectationResult, ...]:
        """What failed, critical first."""
        failed = [result for result in self.results if not result.success]
        return tuple(sorted(failed, key=lambda result: result.severity))


class Receipt(Record):
    """What one attempt of one job made."""

    job: str
    attempt: str
    first_day: date
    last_day: date
    code_version: str
    time_zone: str = "UTC"
    """Of its days."""
    began_at: datetime | None = None
    """When the attempt began; None: built by an older version."""
    inputs: dict[str, int | None]
    """Snapshot of each table that was read."""
    table_numbers: dict[str, int] = Field(default_factory=dict)
    """Of every lake table, how many commits it had when the attempt began: `Pin.number`."""
    tables: tuple[StagedTable, ...]
    accounting: tuple[Accounting, ...] = ()
    properties: dict[str, str] = Field(default_factory=dict)
    data_docs: str = ""
    duration_s: float

    @property
    def days(self) -> Days:
        """The data days that the job was asked for."""
        return Days(self.first_day, self.last_day)


def receipt_uri(settings: Settings, run: str, job: str) -> str:
    """Where the receipt of a job within a DAG run lies. `run` is the DAG's id and the run's id."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in run)
    return f"{receipts_uri(settings)}/{safe}/{job}.json"


def receipts_uri(settings: Settings) -> str:
    """Below it lies a folder for each DAG run, with all that its jobs leave for its tasks."""
    return f"{uri_of(settings.lake_uri)}/_receipts"


def write_receipt(uri: str, receipt: Receipt) -> None:
    """Write the receipt so that it is there whole or not at all."""
    write_record(uri, receipt)


def write_record(uri: str, record: Record) -> None:
    """Write something as JSON so that it is there whole or not at all."""
    write_whole(uri, record.model_dump_json(indent=1).encode())


def read_receipt(uri: str) -> Receipt:
    """Read a receipt.

    Raises:
        LakeError: There is none: the build didn't finish, or finished long ago.
    """
    if not is_file(uri):
        raise LakeError(
            f"there is no receipt {uri}: the build task did not finish, or it finished longer than "
            "`receipts_days` ago (warehouse.yaml); clear it"
        )
    return Receipt.model_validate_json(read_whole(uri))
