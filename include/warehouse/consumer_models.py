"""Tables around the prediction table: what consumers rely on, and what they write back."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from include.warehouse.base import Base


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
        comment="Scores of a day are due this many hours after its end (UTC)."
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


class CampaignContact(Base):
    """Whom the mailing team mailed; they write it."""

    __tablename__ = "campaign_contacts"
    __table_args__ = (
        PrimaryKeyConstraint("campaign_id", "send_date", "user_id"),
        Index("ix_campaign_contacts_user", "user_id", "campaign_id"),
        {"schema": "predictions", "comment": "Whom the mailing team mailed. They write it."},
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day of the mail (UTC).")
    user_id: Mapped[int] = mapped_column(BigInteger, comment="Who was mailed.")
    score_date: Mapped[date] = mapped_column(
        comment="The day whose scores chose the user, from the audience."
    )
    recorded_by: Mapped[str] = mapped_column(
        server_default=text("SESSION_USER"), comment="Database role that recorded it."
    )
    recorded_at: Mapped[datetime] = mapped_column(
        server_default=text("now()"), comment="When it was recorded."
    )


class CampaignCohort(Base):
    """Users whose reactions to a mail are compared, as they were dealt on the day of the mail."""

    __tablename__ = "campaign_cohorts"
    __table_args__ = (
        PrimaryKeyConstraint("campaign_id", "send_date", "user_id"),
        {"schema": "analytics", "comment": "Users whose reactions to a mail are compared."},
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day of the mail (UTC).")
    user_id: Mapped[int] = mapped_column(BigInteger, comment="The user.")
    arm: Mapped[str] = mapped_column(
        comment="treatment: was mailed; control: would have been, had they not been in control."
    )


class CampaignUplift(Base):
    """What a mail brought: reactions of mailed users beside those of control."""

    __tablename__ = "campaign_uplift"
    __table_args__ = (
        PrimaryKeyConstraint("campaign_id", "send_date"),
        {"schema": "analytics", "comment": "Effect of each mail, once its window is complete."},
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day of the mail (UTC).")
    horizon_days: Mapped[int] = mapped_column(
        comment="Reactions from send_date on count, for this many days."
    )
    treatment_users: Mapped[int] = mapped_column(BigInteger, comment="Users mailed.")
    treatment_positives: Mapped[int] = mapped_column(BigInteger, comment="Of whom reacted.")
    control_users: Mapped[int] = mapped_column(
        BigInteger, comment="Control users who would have been mailed."
    )
    control_positives: Mapped[int] = mapped_column(BigInteger, comment="Of whom reacted.")
    treatment_rate: Mapped[float | None] = mapped_column(comment="Share that reacted, 0-1.")
    control_rate: Mapped[float | None] = mapped_column(comment="Share that reacted, 0-1.")
    difference: Mapped[float | None] = mapped_column(
        comment="treatment_rate - control_rate; null without users in both."
    )
    difference_low: Mapped[float | None] = mapped_column(
        comment="Lower end of its 95 % interval (Newcombe)."
    )
    difference_high: Mapped[float | None] = mapped_column(
        comment="Upper end of its 95 % interval (Newcombe)."
    )
    number_needed_to_mail: Mapped[float | None] = mapped_column(
        comment="Mails for one more reaction: 1 / difference; null where that isn't above 0."
    )
    measured_through: Mapped[date] = mapped_column(comment="Last day of data it rests on.")
    measured_at: Mapped[datetime] = mapped_column(comment="When it was computed.")


class TaskState(Base):
    """What a task of a day's run does or says: where `predictions.freshness` gets its reasons."""

    __tablename__ = "task_states"
    __table_args__ = (
        CheckConstraint("state in ('running', 'waiting', 'retrying', 'failed')", name="state"),
        {"schema": "analytics", "comment": "Newest state of each task of a data day."},
    )
    dag_id: Mapped[str] = mapped_column(primary_key=True, comment="The DAG.")
    data_day: Mapped[date] = mapped_column(primary_key=True, comment="The day it works on.")
    task_id: Mapped[str] = mapped_column(primary_key=True, comment="The task.")
    state: Mapped[str] = mapped_column(comment="running, waiting, retrying or failed.")
    detail: Mapped[str] = mapped_column(comment="What it waits for, or why it failed.")
    changed_at: Mapped[datetime] = mapped_column(comment="Since when.")


class AudienceAccess(Base):
    """One row a query of `marketing.campaign_audience`. Its readers can't change it."""

    __tablename__ = "audience_access"
    __table_args__ = (
        {"schema": "pii", "comment": "Who read addresses, and when. Readers can't change it."},
    )
    access_id: Mapped[int] = mapped_column(
        BigInteger,
        Identity(always=True),
        primary_key=True,
        comment="Number; a gap is a read whose transaction was rolled back (see the server log).",
    )
    accessed_at: Mapped[datetime] = mapped_column(comment="When.")
    role_name: Mapped[str] = mapped_column(comment="Role that logged in.")
    effective_role: Mapped[str] = mapped_column(comment="Role it acted as.")
    client: Mapped[str] = mapped_column(comment="Address and name of the client.")


class Erasure(Base):
    """One row an erasure: what was removed where."""

    __tablename__ = "erasures"
    __table_args__ = (
        {"schema": "pii", "comment": "Users who were erased, and what was removed where."},
    )
    user_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, comment="Who was erased: kept to keep them out."
    )
    requested_by: Mapped[str] = mapped_column(comment="Who asked for it.")
    requested_at: Mapped[datetime] = mapped_column(comment="When, last.")
    finished_at: Mapped[datetime | None] = mapped_column(
        comment="When the last row was gone; null: not finished."
    )
    report: Mapped[dict[str, Any]] = mapped_column(comment="Rows and files removed, by place.")
