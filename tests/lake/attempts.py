"""Attempts of jobs without Spark: files and receipts as a job leaves them, with rows made up."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from include.config import load_config
from include.contracts import Table, lake_tables
from include.contracts.core import ERASED_USERS
from include.lake.publish import publish
from include.lake.receipts import Receipt, StagedTable, receipt_uri, write_receipt
from include.lake.staging import parquet_files
from include.lake.tables import Lake
from include.settings import settings

EVENTS, DAILY, PAIRS = "core.events", "features.user_category_daily", "features.user_category"

Rows = Mapping[str, Mapping[date, Sequence[int]]]
"""By table and day: a number for each row, of which its values are made."""


def contracts() -> dict[str, Table]:
    return lake_tables(load_config(settings()).events.names)


def value(kind: pa.DataType, number: int) -> Any:
    if pa.types.is_string(kind):
        return str(number)
    if pa.types.is_timestamp(kind):
        return datetime(2026, 1, 1, tzinfo=UTC)
    return [] if pa.types.is_list(kind) else number


def stage(
    lake: Lake, contract: Table, attempt: str, rows: Mapping[date, Sequence[int]]
) -> list[str]:
    """Write one file a day, as a job does."""
    lake.create(contract)
    uri = lake.stage_uri(contract, attempt)
    for day, numbers in rows.items():
        if not numbers:
            continue
        folder = f"{uri.removeprefix('file://')}/_day={day}"
        pa.fs.LocalFileSystem().create_dir(folder, recursive=True)
        columns = {
            field.name: [day] * len(numbers)
            if field.name == contract.partition
            else pa.array([value(field.type, number) for number in numbers], field.type)
            for field in contract.arrow_schema()
        }
        pq.write_table(
            pa.table(columns, schema=contract.arrow_schema()), f"{folder}/part-0.parquet"
        )
    return parquet_files(uri)


def begin(lake: Lake) -> dict[str, int]:
    """What an attempt that begins now knows of every table."""
    for contract in contracts().values():
        lake.create(contract)
    return {name: lake.pin(contract).number for name, contract in contracts().items()}


def build(lake: Lake, run: str, attempt: str, rows: Rows, began: dict[str, int]) -> None:
    """Leave staged files and a receipt behind, as `lake_days` of a run does."""
    staged = [
        StagedTable(
            table=table,
            files=tuple(stage(lake, contracts()[table], attempt, days)),
            days=tuple(days),
            rows={day.isoformat(): len(numbers) for day, numbers in days.items() if numbers},
            results=(),
        )
        for table, days in rows.items()
    ]
    every = [day for days in rows.values() for day in days]
    erased = lake.snapshot_id(ERASED_USERS)
    receipt = Receipt(
        job="lake_days", attempt=attempt, first_day=min(every), last_day=max(every),
        code_version="test", began_at=datetime.now(UTC), inputs={ERASED_USERS.name: erased},
        table_numbers=began, tables=tuple(staged), duration_s=1.0,
    )  # fmt: skip
    write_receipt(receipt_uri(settings(), run, "lake_days"), receipt)


def built_and_published(lake: Lake, attempt: str, rows: Rows) -> None:
    """A run from its beginning to its end, beside nobody."""
    build(lake, attempt, attempt, rows, begin(lake))
    publish("lake_days", attempt)


def held(lake: Lake, table: str) -> dict[date, list[int]]:
    """What readers see: each row's number, by day."""
    contract = contracts()[table]
    number = "user_id" if "user_id" in contract.column_names else "listing_id"
    found: dict[date, list[int]] = {}
    for row in lake.arrow(contract).to_pylist():
        found.setdefault(row[contract.partition], []).append(row[number])
    return {day: sorted(numbers) for day, numbers in found.items()}
