"""The warehouse's tables. `migrations/` makes them; a test compares the two.

`predictions` is what other teams read; `analytics` says what happened and how good it was; `pii`
holds contact data and nothing else does.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from include.contracts.propensity import SCORES
from include.warehouse.base import Base

SAYS = {
    column.name: column.description + (f" Range {column.unit}." if column.unit else "")
    for column in SCORES.columns
}
"""What the contract says of each column; the database says it, too."""


class CampaignPropensity(Base):
    """The prediction table: every published day, only ever whole days."""

    __tablename__ = "campaign_propensity"
    __table_args__ = (
        # The user first: a user's scores over many days are found by this index, too.
        PrimaryKeyConstraint("user_id", "campaign_id", "score_date"),
        Index("ix_campaign_propensity_rank", "campaign_id", "rank"),
        Index("ix_campaign_propensity_score", "campaign_id", text("score DESC")),
        {
            "schema": "predictions",
            "postgresql_partition_by": "LIST (score_date)",
            "comment": "How likely each user reacts to each campaign; every published day.",
        },
    )
    score_date: Mapped[date] = mapped_column(comment=SAYS["score_date"])
    campaign_id: Mapped[str] = mapped_column(comment=SAYS["campaign_id"])
    user_id: Mapped[int] = mapped_column(BigInteger, comment=SAYS["user_id"])
    score: Mapped[float] = mapped_column(comment=SAYS["score"])
    rank: Mapped[int] = mapped_column(Integer, comment=SAYS["rank"])
    decile: Mapped[int] = mapped_column(SmallInteger, comment=SAYS["decile"])
    arm: Mapped[str] = mapped_column(comment=SAYS["arm"])
    model_version: Mapped[str] = mapped_column(comment=SAYS["model_version"])
    publication_id: Mapped[int] = mapped_column(
        BigInteger, comment="The publication that brought the row."
    )


PUBLICATION_STATUS = ("published", "superseded", "rejected", "reverted")


class Publication(Base):
    """One row an attempt to publish a day."""

    __tablename__ = "publications"
    __table_args__ = (
        CheckConstraint(
            f"status in ({', '.join(repr(status) for status in PUBLICATION_STATUS)})",
            name="status",
        ),
        Index(
            "ux_publications_published",
            "score_date",
            unique=True,
            postgresql_where=text("status = 'published'"),
        ),
        {"schema": "predictions", "comment": "One row an attempt to publish a day."},
    )
    publication_id: Mapped[int] = mapped_column(
        BigInteger,
        Identity(always=True),
        primary_key=True,
        comment="Number of the attempt.",
    )
    score_date: Mapped[date] = mapped_column(comment="The day.")
    status: Mapped[str] = mapped_column(
        comment="published (visible), superseded (by a later one), rejected (never visible), "
        "reverted (taken back)."
    )
    model_version: Mapped[str] = mapped_column(comment="Model that scored the day.")
    model_policy: Mapped[str] = mapped_column(comment="How it was chosen: as_of, champion, pinned.")
    lake_snapshots: Mapped[dict[str, Any]] = mapped_column(
        comment="Lake snapshot ids by table: the scores and what they were made from."
    )
    row_count: Mapped[int] = mapped_column(BigInteger, comment="Rows.")
    checksum: Mapped[str] = mapped_column(comment="Checksum of the rows, order-independent.")
    created_at: Mapped[datetime] = mapped_column(comment="When it was decided.")
    run_id: Mapped[str] = mapped_column(comment="Airflow run that did it.")
    reason: Mapped[str] = mapped_column(comment="Why it has this status.")


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


class LakePartition(Base):
    """What the lake holds, partition by partition: what downstream DAGs wait for."""

    __tablename__ = "lake_partitions"
    __table_args__ = ({"schema": "analytics", "comment": "Committed partitions of the lake."},)
    table_name: Mapped[str] = mapped_column(primary_key=True, comment="Lake table.")
    partition_date: Mapped[date] = mapped_column(primary_key=True, comment="Partition.")
    row_count: Mapped[int] = mapped_column(BigInteger, comment="Rows; 0 for an empty day.")
    snapshot_id: Mapped[int | None] = mapped_column(BigInteger, comment="Snapshot of the commit.")
    attempt: Mapped[str] = mapped_column(comment="Attempt of the job that made it.")
    code_version: Mapped[str] = mapped_column(comment="Code that made it.")
    inputs: Mapped[dict[str, Any]] = mapped_column(comment="Snapshot ids of what was read.")
    committed_at: Mapped[datetime] = mapped_column(comment="When it was committed.")


class Contact(Base):
    """Contact data of a user. Nothing else in the system holds any."""

    __tablename__ = "contacts"
    __table_args__ = ({"schema": "pii", "comment": "Contact data: personal, never copied."},)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, comment="The user.")
    email: Mapped[str | None] = mapped_column(comment="Address for mails.")
    phone: Mapped[str | None] = mapped_column(comment="Phone number.")
    full_name: Mapped[str | None] = mapped_column(comment="Name.")
    marketing_consent: Mapped[bool] = mapped_column(comment="Whether they may be mailed.")
    ingest_date: Mapped[date] = mapped_column(comment="Day the row arrived; the newest wins.")
