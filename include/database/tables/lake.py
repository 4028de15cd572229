"""The lake's ledger: verdicts of audits, committed partitions, and where landed rows went."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from include.database.base import Base


class QualityResult(Base):
    """What one expectation said about one staged table."""

    __tablename__ = "quality_results"
    __table_args__ = ({"schema": "analytics", "comment": "Verdicts of the audits."},)
    attempt: Mapped[str] = mapped_column(primary_key=True, comment="Attempt of the job.")
    table_name: Mapped[str] = mapped_column(primary_key=True, comment="Lake table.")
    expectation: Mapped[str] = mapped_column(primary_key=True, comment="Expectation.")
    column_name: Mapped[str] = mapped_column(primary_key=True, comment="Column(s), or empty.")
    first_day: Mapped[date] = mapped_column(comment="First data day of the attempt.")
    last_day: Mapped[date] = mapped_column(comment="Last data day of the attempt.")
    severity: Mapped[str] = mapped_column(comment="critical (blocks the commit) or warning.")
    success: Mapped[bool] = mapped_column(comment="Whether it held.")
    reason: Mapped[str] = mapped_column(comment="Why it holds for good data.")
    observed: Mapped[str] = mapped_column(comment="What was seen, where it failed.")
    checked_at: Mapped[datetime] = mapped_column(comment="When the verdict was stored.")


class IngestAccounting(Base):
    """Where the landed rows of a table and a day went."""

    __tablename__ = "ingest_accounting"
    __table_args__ = (
        CheckConstraint("landed = accepted + rejected + duplicate + erased", name="adds_up"),
        {
            "schema": "analytics",
            "comment": "landed = accepted + rejected + duplicate + erased, every day.",
        },
    )
    table_name: Mapped[str] = mapped_column(primary_key=True, comment="Landing table.")
    ingest_date: Mapped[date] = mapped_column(primary_key=True, comment="Day of arrival.")
    landed: Mapped[int] = mapped_column(BigInteger, comment="Rows in the landing files.")
    accepted: Mapped[int] = mapped_column(BigInteger, comment="Rows in the core table.")
    rejected: Mapped[int] = mapped_column(BigInteger, comment="Rows refused, with reasons.")
    duplicate: Mapped[int] = mapped_column(BigInteger, comment="Rows that were there already.")
    erased: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), comment="Rows of users who asked to be erased."
    )
    late: Mapped[int | None] = mapped_column(
        BigInteger,
        comment="Accepted events, when built, that happened on a day before; null: no events.",
    )
    unknown_category: Mapped[int | None] = mapped_column(
        BigInteger,
        comment="Accepted events, when built, whose listing wasn't known or had no category.",
    )
    unknown_user: Mapped[int | None] = mapped_column(
        BigInteger,
        comment="Accepted events, when built, of users who hadn't landed: they aren't scored.",
    )


class LakePartition(Base):
    """What the lake holds, partition by partition: what downstream DAGs wait for."""

    __tablename__ = "lake_partitions"
    __table_args__ = (
        CheckConstraint("state in ('committed', 'committing')", name="known_state"),
        {"schema": "analytics", "comment": "Committed partitions of the lake."},
    )
    table_name: Mapped[str] = mapped_column(primary_key=True, comment="Lake table.")
    partition_date: Mapped[date] = mapped_column(primary_key=True, comment="Partition.")
    row_count: Mapped[int] = mapped_column(BigInteger, comment="Rows; 0 for an empty day.")
    snapshot_id: Mapped[int | None] = mapped_column(BigInteger, comment="Snapshot of the commit.")
    attempt: Mapped[str] = mapped_column(comment="Newest attempt of the job that made it.")
    code_version: Mapped[str] = mapped_column(comment="Code that made it.")
    inputs: Mapped[dict[str, Any]] = mapped_column(comment="Snapshot ids of what was read.")
    committed_at: Mapped[datetime] = mapped_column(comment="When it was committed.")
    state: Mapped[str] = mapped_column(
        server_default=text("'committed'"),
        comment="committed; or committing: tables of its day are being replaced, or that was cut "
        "off.",
    )
    content_number: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("0"),
        comment="The table's sequence number in Iceberg when rows of this partition changed last.",
    )
    input_numbers: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"),
        comment="Sequence number of each input when this was made: what changed in it later, it "
        "doesn't know.",
    )


class LakeInput(Base):
    """From which partitions of which tables a partition is made; from the code."""

    __tablename__ = "lake_inputs"
    __table_args__ = ({"schema": "analytics", "comment": "What lake tables are made from."},)
    table_name: Mapped[str] = mapped_column(primary_key=True, comment="Lake table.")
    input_table: Mapped[str] = mapped_column(primary_key=True, comment="Lake table that it reads.")
    first_offset_days: Mapped[int | None] = mapped_column(
        comment="First partition that is read, in days after the one that is made; null: all."
    )
    last_offset_days: Mapped[int] = mapped_column(
        comment="Last partition that is read, in days after the one that is made."
    )


class LakeLock(Base):
    """The row that whoever replaces partitions locks meanwhile."""

    __tablename__ = "lake_locks"
    __table_args__ = (
        {"schema": "analytics", "comment": "Locks of the lake; only `pipeline` takes them."},
    )
    lock_name: Mapped[str] = mapped_column(primary_key=True, comment="`publish`.")
