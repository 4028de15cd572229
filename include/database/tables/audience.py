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
    user_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="The user."
    )
    email: Mapped[str | None] = mapped_column(comment="Address for mails.")
    phone: Mapped[str | None] = mapped_column(comment="Phone number.")
    full_name: Mapped[str | None] = mapped_column(comment="Name.")
    marketing_consent: Mapped[bool] = mapped_column(comment="Whether they may be mailed.")
    ingest_date: Mapped[date] = mapped_column(comment="Day the row arrived; the newest wins.")


class AudienceReservation(Base):
    """One row a reservation: who took which users' addresses, for which mail. Append-only."""

    __tablename__ = "audience_reservations"
    __table_args__ = (
        Index("ix_audience_reservations_campaign", "campaign_id", "send_date"),
        {
            "schema": "predictions",
            "comment": "Who reserved users to mail them, and when. Made by "
            "marketing.reserve_audience; never changed but for mailed_at and given_back_at.",
        },
    )
    reservation_id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, comment="Number of the reservation."
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day on which the mails are to go out.")
    score_date: Mapped[date | None] = mapped_column(comment="The day whose scores chose the users.")
    publication_id: Mapped[int | None] = mapped_column(
        BigInteger,
        comment="The publication whose scores chose the users; null: recorded before there were "
        "reservations, and never measured from now on.",
    )
    asked_users: Mapped[int] = mapped_column(comment="How many users were asked for.")
    end_rank: Mapped[int | None] = mapped_column(
        comment="Users ranked before this one are compared; null: everybody."
    )
    treatment_users: Mapped[int] = mapped_column(
        BigInteger, comment="Users of the cohort in treatment, when it was frozen."
    )
    control_users: Mapped[int] = mapped_column(
        BigInteger, comment="Users of the cohort in control, when it was frozen."
    )
    horizon_days: Mapped[int] = mapped_column(
        comment="Reactions from send_date on count, for this many days."
    )
    category: Mapped[str] = mapped_column(comment="Category in which reactions count.")
    positive_event_types: Mapped[str] = mapped_column(
        comment="Events that count as a reaction, with commas between."
    )
    reserved_by: Mapped[str] = mapped_column(comment="Role that logged in.")
    acted_as: Mapped[str] = mapped_column(comment="Role it acted as.")
    reserved_at: Mapped[datetime] = mapped_column(comment="When.")
    mailed_at: Mapped[datetime | None] = mapped_column(
        comment="When the first of its mails was confirmed; null: none was."
    )
    given_back_at: Mapped[datetime | None] = mapped_column(
        comment="When its last user was given back with nobody mailed; then nothing is compared."
    )


class ReservationLock(Base):
    """A row a campaign, locked by whoever reserves: two at once get different users."""

    __tablename__ = "reservation_locks"
    __table_args__ = (
        {"schema": "marketing", "comment": "Locked by whoever reserves users of a campaign."},
    )
    campaign_id: Mapped[str] = mapped_column(primary_key=True, comment="The campaign.")


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
    """Whom a mailing team reserved, and whether they were mailed or given back."""

    __tablename__ = "campaign_contacts"
    __table_args__ = (
        PrimaryKeyConstraint("reservation_id", "user_id"),
        Index("ix_campaign_contacts_user", "user_id", "campaign_id"),
        {
            "schema": "predictions",
            "comment": "Whom mailing teams reserved, mailed or gave back. Written by the functions "
            "in schema marketing.",
        },
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day of the mail.")
    user_id: Mapped[int] = mapped_column(BigInteger, comment="Who was reserved.")
    score_date: Mapped[date] = mapped_column(comment="The day whose scores chose the user.")
    recorded_by: Mapped[str] = mapped_column(
        server_default=text("SESSION_USER"), comment="Database role that reserved."
    )
    recorded_at: Mapped[datetime] = mapped_column(
        server_default=text("now()"), comment="When it was reserved."
    )
    reservation_id: Mapped[int] = mapped_column(BigInteger, comment="The reservation.")
    publication_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="The publication whose scores chose the user."
    )
    score: Mapped[float | None] = mapped_column(comment="The user's score in it.")
    rank: Mapped[int | None] = mapped_column(comment="The user's rank in it.")
    confirmed_at: Mapped[datetime | None] = mapped_column(
        comment="When the team said that the mail went out; null: it hasn't."
    )
    confirmed_by: Mapped[str | None] = mapped_column(comment="Database role that said so.")
    given_back_at: Mapped[datetime | None] = mapped_column(
        comment="When the team gave the user back, unmailed; null: it hasn't."
    )
    given_back_by: Mapped[str | None] = mapped_column(comment="Database role that did.")


class CampaignCohort(Base):
    """Users whose reactions are compared, as they were dealt when the audience was reserved."""

    __tablename__ = "campaign_cohorts"
    __table_args__ = (
        PrimaryKeyConstraint("reservation_id", "user_id"),
        Index("ix_campaign_cohorts_user", "user_id", "campaign_id"),
        {
            "schema": "analytics",
            "comment": "Users whose reactions to a mail are compared, frozen at its reservation.",
        },
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day of the mail.")
    user_id: Mapped[int] = mapped_column(BigInteger, comment="The user.")
    arm: Mapped[str] = mapped_column(
        comment="treatment: was to be mailed; control: would have been, had they not been in "
        "control."
    )
    reservation_id: Mapped[int] = mapped_column(BigInteger, comment="The reservation.")
    publication_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="The publication whose ranks chose the cohort."
    )
    rank: Mapped[int | None] = mapped_column(comment="The user's rank in it.")


class CampaignUplift(Base):
    """What a mail brought: reactions of those it was meant for beside those of control."""

    __tablename__ = "campaign_uplift"
    __table_args__ = (
        PrimaryKeyConstraint("reservation_id"),
        {
            "schema": "analytics",
            "comment": "Effect of each reservation's mails, by intention to treat, once the window "
            "is complete.",
        },
    )
    campaign_id: Mapped[str] = mapped_column(comment="The campaign.")
    send_date: Mapped[date] = mapped_column(comment="Day of the mail.")
    horizon_days: Mapped[int] = mapped_column(
        comment="Reactions from send_date on count, for this many days."
    )
    treatment_users: Mapped[int] = mapped_column(
        BigInteger, comment="Users who were to be mailed, whether they were or not."
    )
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
        comment="Reserved users for one more reaction: 1 / difference; null where that isn't "
        "above 0."
    )
    measured_through: Mapped[date] = mapped_column(comment="Last day of data it rests on.")
    measured_at: Mapped[datetime] = mapped_column(comment="When it was computed.")
    reservation_id: Mapped[int] = mapped_column(BigInteger, comment="The reservation.")
    publication_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="The publication whose ranks chose the cohort."
    )
    mailed_users: Mapped[int] = mapped_column(
        BigInteger, comment="Users of the reservation whose mail was confirmed by then."
    )
    treatment_erased: Mapped[int] = mapped_column(
        BigInteger, comment="Treatment users who were erased before, and so aren't counted."
    )
    control_erased: Mapped[int] = mapped_column(
        BigInteger, comment="Control users who were erased before, and so aren't counted."
    )


class AudienceAccess(Base):
    """One row an opening of a reservation, committed before it shows an address."""

    __tablename__ = "audience_access"
    __table_args__ = (
        Index("ix_audience_access_role", "role_name", "accessed_at"),
        {
            "schema": "pii",
            "comment": "Who opened addresses, and when. An address shows only once its row here "
            "is committed. Readers can't change it.",
        },
    )
    access_id: Mapped[int] = mapped_column(
        BigInteger,
        Identity(always=True),
        primary_key=True,
        comment="Number; a gap is an opening that was rolled back, and so never showed an address.",
    )
    accessed_at: Mapped[datetime] = mapped_column(comment="When; opens addresses for a day.")
    role_name: Mapped[str] = mapped_column(comment="Role that logged in.")
    effective_role: Mapped[str] = mapped_column(comment="Role it acted as.")
    client: Mapped[str] = mapped_column(comment="Address and name of the client.")
    reservation_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="Whose addresses; null: before there were reservations, all of them."
    )
    transaction_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="Transaction that wrote the row: within it nothing opens yet."
    )


class Erasure(Base):
    """One row an erasure: what was removed where."""

    __tablename__ = "erasures"
    __table_args__ = (
        {"schema": "pii", "comment": "Users who were erased, and what was removed where."},
    )
    user_id: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="Who was erased: kept to keep them out.",
    )
    requested_by: Mapped[str] = mapped_column(comment="Who asked for it.")
    requested_at: Mapped[datetime] = mapped_column(comment="When, last.")
    finished_at: Mapped[datetime | None] = mapped_column(
        comment="When the last row was gone; null: not finished."
    )
    report: Mapped[dict[str, Any]] = mapped_column(comment="Rows and files removed, by place.")
