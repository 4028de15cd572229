"""Contact data and who read it, what mailing teams write, uplift, and who was erased."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Identity, Index, PrimaryKeyConstraint, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from include.database.base import Base


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


class RejectedContact(Base):
    """One row a refused row of contact data: where it stands and why, never what it says."""

    __tablename__ = "rejected_contacts"
    __table_args__ = (
        PrimaryKeyConstraint("ingest_date", "source_file", "row_number"),
        Index("ix_rejected_contacts_user", "user_id"),
        {"schema": "pii", "comment": "Refused rows of contact data. Their content is withheld."},
    )
    ingest_date: Mapped[date] = mapped_column(comment="Day the row arrived.")
    source_file: Mapped[str] = mapped_column(comment="File below the landing zone.")
    row_number: Mapped[int] = mapped_column(
        BigInteger, comment="Line of a text file, row of a Parquet file, from 1."
    )
    user_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="The user; null: it can't be told."
    )
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="Why, all of it.")
    withdraws_consent: Mapped[bool] = mapped_column(
        comment="Whether it is known whose row it is, and that it doesn't give consent."
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
