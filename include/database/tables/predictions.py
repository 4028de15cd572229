"""What consumers of predictions read: the prediction table, and what is known of each day."""

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
from include.database.base import Base

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
    created_at: Mapped[datetime] = mapped_column(comment="When the attempt began.")
    published_at: Mapped[datetime | None] = mapped_column(
        comment="Since when readers could see it, the last time; null: they never could."
    )
    run_id: Mapped[str] = mapped_column(comment="Airflow run that did it.")
    reason: Mapped[str] = mapped_column(comment="Why it has this status.")
    attempt: Mapped[str | None] = mapped_column(
        comment="Attempt that made the scores in the lake; null: not on record."
    )
    code_version: Mapped[str | None] = mapped_column(
        comment="Code that made the scores; null: not on record."
    )
    scores_begun_at: Mapped[datetime | None] = mapped_column(
        comment="When that attempt began: what it read is from before; null: not on record."
    )


class Revert(Base):
    """One row a revert: who brought which version of a day back, and why."""

    __tablename__ = "reverts"
    __table_args__ = (
        Index("ix_reverts_holding", "score_date", postgresql_where=text("is_holding")),
        {"schema": "predictions", "comment": "Who took which publication back, and why."},
    )
    revert_id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, comment="Number of the revert."
    )
    score_date: Mapped[date] = mapped_column(comment="The day.")
    from_publication_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="What was visible before; null: nothing was."
    )
    to_publication_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="What is visible since; null: the day was withdrawn."
    )
    reason: Mapped[str] = mapped_column(comment="Why.")
    reverted_by: Mapped[str] = mapped_column(comment="Who asked for it.")
    reverted_at: Mapped[datetime] = mapped_column(comment="When.")
    is_holding: Mapped[bool] = mapped_column(
        comment="Whether reruns of the day are refused because of it."
    )


class CampaignRow(Base):
    """`campaigns.yaml`, as the database sees it."""

    __tablename__ = "campaigns"
    __table_args__ = (
        {"schema": "predictions", "comment": "The campaigns, copied from campaigns.yaml."},
    )
    campaign_id: Mapped[str] = mapped_column(primary_key=True, comment="The campaign.")
    category: Mapped[str] = mapped_column(comment="Category of listings that it is about.")
    positive_event_types: Mapped[str] = mapped_column(
        comment="Events that count as a reaction, with commas between."
    )
    horizon_days: Mapped[int] = mapped_column(comment="A reaction counts within this many days.")
    holdout_share: Mapped[float] = mapped_column(comment="Share of users in control, 0-1.")
    cooldown_days: Mapped[int] = mapped_column(
        comment="Whoever was mailed within this many days isn't in the audience."
    )
    owner_role: Mapped[str] = mapped_column(comment="Database role whose members see the audience.")
    is_active: Mapped[bool] = mapped_column(comment="Whether users are scored for it.")


class ServiceLevel(Base):
    """When predictions are due: one row."""

    __tablename__ = "service_level"
    __table_args__ = (
        CheckConstraint("is_only_row", name="one_row"),
        {"schema": "predictions", "comment": "When predictions are due; from warehouse.yaml."},
    )
    is_only_row: Mapped[bool] = mapped_column(
        primary_key=True, server_default=text("true"), comment="Always true: there is one row."
    )
    due_after_hours: Mapped[int] = mapped_column(
        comment="Scores of a day are due this many hours after its end."
    )
    reader_patience_s: Mapped[int] = mapped_column(
        comment="Readers who keep a publication waiting for longer are ended, in seconds."
    )
    time_zone: Mapped[str] = mapped_column(
        server_default=text("'UTC'"),
        comment="Data days end at midnight there; what the lake holds are days of this zone.",
    )


class PublicationLock(Base):
    """Rows that the pipeline locks while it changes what is visible."""

    __tablename__ = "publication_locks"
    __table_args__ = (
        {"schema": "predictions", "comment": "Locks of publications; only `pipeline` takes them."},
    )
    lock_name: Mapped[str] = mapped_column(
        primary_key=True, comment="`exchange`, or `day` and the day of the scores."
    )
