"""The ledger of the lake in the warehouse: verdicts, partitions, and where landed rows went."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.orm import Session

from include.contracts.lineage import Reads
from include.database.tables.lake import (
    IngestAccounting,
    LakeInput,
    LakePartition,
    QualityResult,
)
from include.database.upsert import upsert
from include.days import Days
from include.lake.receipts import Receipt, StagedTable
from include.quality.accounting import Accounting
from include.quality.verdict import ExpectationResult


def accounting_before(connection: Connection, table: str, day: date, days: int) -> list[Accounting]:
    """How a landing table's rows of some days before a day were accounted for, oldest first."""
    columns = IngestAccounting.__table__.c
    found = connection.execute(
        select(
            columns.table_name.label("table"),
            *(column for column in columns if column is not columns.table_name),
        )
        .where(
            columns.table_name == table,
            columns.ingest_date.between(day - timedelta(days=days), day - timedelta(days=1)),
        )
        .order_by(columns.ingest_date)
    )
    return [Accounting.model_validate(dict(row)) for row in found.mappings()]


def record_verdicts(
    connection: Connection,
    receipt: Receipt,
    shares: Mapping[str, Sequence[ExpectationResult]],
) -> int:
    """Store what every expectation said about an attempt; returns the number of verdicts.

    Args:
        connection: The warehouse.
        receipt: The attempt's, with the verdicts on its rows.
        shares: By lake table, the verdicts on the shares of its landed rows.
    """
    verdicts = [(table.table, result) for table in receipt.tables for result in table.results]
    verdicts += [(table, result) for table, results in shares.items() for result in results]
    return upsert(
        connection,
        QualityResult,
        [
            {
                "attempt": receipt.attempt,
                "table_name": table,
                "expectation": result.expectation,
                "column_name": result.column,
                "first_day": receipt.first_day,
                "last_day": receipt.last_day,
                "severity": result.severity,
                "success": result.success,
                "reason": result.reason,
                "observed": result.observed,
                "checked_at": datetime.now(UTC),
            }
            for table, result in verdicts
        ],
    )


def record_commit(
    connection: Connection,
    receipt: Receipt,
    staged: StagedTable,
    *,
    snapshot_id: int | None,
    content_numbers: Mapping[date, int],
    input_numbers: Mapping[str, int],
    state: str = "committed",
) -> None:
    """Note that partitions of a table are what an attempt staged, or are about to be.

    Args:
        connection: The warehouse.
        receipt: The attempt's.
        staged: The table, as the attempt staged it.
        snapshot_id: The snapshot that holds it.
        content_numbers: The partitions, each with the table's sequence number when its rows changed
            last.
        input_numbers: Sequence number of each input: what changed later isn't in the rows.
        state: `committed`, or `committing`: nobody may read them yet.
    """
    upsert(
        connection,
        LakePartition,
        [
            {
                "table_name": staged.table,
                "partition_date": day,
                "row_count": staged.rows.get(day.isoformat(), 0),
                "snapshot_id": snapshot_id,
                "attempt": receipt.attempt,
                "code_version": receipt.code_version,
                "inputs": receipt.inputs,
                "committed_at": datetime.now(UTC),
                "state": state,
                "content_number": number,
                "input_numbers": dict(input_numbers),
            }
            for day, number in content_numbers.items()
        ],
    )


def store_lineage(connection: Connection, lineage: Iterable[Reads]) -> None:
    """Bring `analytics.lake_inputs` up to date."""
    rows = [dataclasses.asdict(reads) for reads in lineage]
    connection.execute(delete(LakeInput))
    upsert(connection, LakeInput, rows)


def record_accounting(connection: Connection, accounting: Sequence[Accounting]) -> None:
    """Note where the landed rows of some days went; a rerun replaces what it said."""
    upsert(
        connection,
        IngestAccounting,
        [
            {
                "table_name": row.table,
                **row.model_dump(exclude={"table"}),
            }
            for row in accounting
        ],
    )


ACCOUNTED = {
    "core.events": ("events", "accepted"),
    "core.rejected_events": ("events", "rejected"),
    "core.users": ("users", "accepted"),
    "core.rejected_dimensions": ("users", "rejected"),
}
"""Lake table → landing table, and the column of the accounting that counts its rows."""


def forget_partitions(connection: Connection, table: str, days: Sequence[date]) -> None:
    """Note that the lake no longer holds partitions of a table."""
    connection.execute(
        delete(LakePartition).where(
            LakePartition.table_name == table, LakePartition.partition_date.in_(days)
        )
    )


def record_erased(
    connection: Connection, table: str, rows: Mapping[date, int], snapshot: int | None
) -> None:
    """Note that rows of an erased user left a lake table.

    Args:
        connection: The warehouse.
        table: The lake table.
        rows: How many, by partition.
        snapshot: The snapshot without them.
    """
    for day, count in rows.items():
        connection.execute(
            update(LakePartition)
            .where(LakePartition.table_name == table, LakePartition.partition_date == day)
            .values(row_count=LakePartition.row_count - count, snapshot_id=snapshot)
        )
        if table in ACCOUNTED:
            landing, name = ACCOUNTED[table]
            column = IngestAccounting.__table__.c[name]
            connection.execute(
                update(IngestAccounting)
                .where(IngestAccounting.table_name == landing, IngestAccounting.ingest_date == day)
                .values({name: column - count, "erased": IngestAccounting.erased + count})
            )


def committed_days(connection: Connection, table: str, days: Days) -> set[date]:
    """The days of a range whose partition the lake holds, empty ones included.

    Not those of a commit that is under way or was cut off.
    """
    found = connection.scalars(
        select(LakePartition.partition_date).where(
            LakePartition.table_name == table,
            LakePartition.state == "committed",
            LakePartition.partition_date.between(days.first, days.last),
        )
    )
    return set(found)


def first_committed_day(connection: Connection, table: str) -> date | None:
    """The first day that the lake holds of a table: history starts there."""
    return connection.scalar(
        select(LakePartition.partition_date)
        .where(LakePartition.table_name == table, LakePartition.state == "committed")
        .order_by(LakePartition.partition_date)
        .limit(1)
    )


def committed_by(connection: Connection, table: str, day: date) -> LakePartition | None:
    """What the ledger says of a partition; None where the lake never held it."""
    with Session(connection) as session:
        found = session.get(LakePartition, (table, day))
        if found is not None:
            session.expunge(found)
        return found


@dataclasses.dataclass(frozen=True)
class Stale:
    """A partition that was made from something that changed since."""

    table_name: str
    partition_date: date
    because_table: str
    because_date: date


def stale_partitions(
    connection: Connection, tables: Sequence[str], days: Days | None = None
) -> list[Stale]:
    """What has to be built again of some tables, oldest first; `days`: of these only."""
    query = (
        "select * from analytics.stale_partitions where table_name = any (:tables) "
        "and partition_date between :first and :last order by partition_date, table_name"
    )
    reach = days or Days(date.min, date.max)
    found = connection.execute(
        text(query), {"tables": list(tables), "first": reach.first, "last": reach.last}
    )
    return [Stale(**row) for row in found.mappings()]


def partitions(connection: Connection, table: str, days: Days) -> dict[date, LakePartition]:
    """What the ledger says of a table's partitions, by day."""
    with Session(connection) as session:
        found = session.scalars(
            select(LakePartition).where(
                LakePartition.table_name == table,
                LakePartition.partition_date.between(days.first, days.last),
            )
        ).all()
        session.expunge_all()
        return {row.partition_date: row for row in found}
