"""Tables about models: how good each was, what was decided, and who was champion from when on."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from include.database.base import Base

LOW = "Lower end of its interval, from resampled users."
HIGH = "Upper end of its interval, from resampled users."


class ModelComparison(Base):
    """Metrics of experiments, champion and baselines on the same out-of-time rows."""

    __tablename__ = "model_comparison"
    __table_args__ = (
        {
            "schema": "analytics",
            "comment": "Out-of-time metrics, all on the same rows.",
        },
    )
    as_of_date: Mapped[date] = mapped_column(primary_key=True, comment="Training day.")
    experiment: Mapped[str] = mapped_column(
        primary_key=True,
        comment="Experiment, champion, baseline_constant or baseline_recency.",
    )
    scope: Mapped[str] = mapped_column(
        primary_key=True, comment="all, mean_of_campaigns, or a campaign_id."
    )
    snapshot_date: Mapped[date] = mapped_column(comment="Evaluated on this snapshot's examples.")
    row_count: Mapped[int] = mapped_column(BigInteger, comment="Rows evaluated on.")
    positives: Mapped[int] = mapped_column(BigInteger, comment="Of which positive.")
    log_loss: Mapped[float] = mapped_column(comment="Log loss, lower is better.")
    roc_auc: Mapped[float | None] = mapped_column(comment="Null with one class only.")
    average_precision: Mapped[float | None] = mapped_column(comment="Null without positives.")
    calibration_error: Mapped[float] = mapped_column(comment="Expected calibration error, 0-1.")
    lift_top_decile: Mapped[float | None] = mapped_column(comment="Null without positives.")
    model_version: Mapped[str | None] = mapped_column(comment="Registered version, if it has one.")
    is_promoted: Mapped[bool] = mapped_column(comment="Whether it became champion.")
    decision: Mapped[str] = mapped_column(comment="Why it did or didn't.")
    log_loss_low: Mapped[float | None] = mapped_column(comment=LOW)
    log_loss_high: Mapped[float | None] = mapped_column(comment=HIGH)
    roc_auc_low: Mapped[float | None] = mapped_column(comment=LOW)
    roc_auc_high: Mapped[float | None] = mapped_column(comment=HIGH)
    average_precision_low: Mapped[float | None] = mapped_column(comment=LOW)
    average_precision_high: Mapped[float | None] = mapped_column(comment=HIGH)
    calibration_error_low: Mapped[float | None] = mapped_column(comment=LOW)
    calibration_error_high: Mapped[float | None] = mapped_column(comment=HIGH)
    lift_top_decile_low: Mapped[float | None] = mapped_column(comment=LOW)
    lift_top_decile_high: Mapped[float | None] = mapped_column(comment=HIGH)


OUTCOMES = ("undecided", "promoted", "objections", "declined")


class ModelDecision(Base):
    """One row a training run: the candidate, what stood against it, and what came of it."""

    __tablename__ = "model_decisions"
    __table_args__ = (
        CheckConstraint(
            f"outcome in ({', '.join(repr(outcome) for outcome in OUTCOMES)})", name="outcome"
        ),
        {"schema": "analytics", "comment": "One row a training run: what was decided, and why."},
    )
    training_run: Mapped[str] = mapped_column(primary_key=True, comment="Run of train_weekly.")
    as_of_date: Mapped[date] = mapped_column(comment="Training day.")
    experiment: Mapped[str] = mapped_column(comment="The candidate: the best experiment.")
    model_version: Mapped[str] = mapped_column(comment="Its version in the registry.")
    champion_version: Mapped[str | None] = mapped_column(
        comment="Champion it was compared with; null: there was none."
    )
    outcome: Mapped[str] = mapped_column(
        comment="undecided (a person is asked, or the run failed), promoted, objections (a "
        "condition isn't met), declined (by a person)."
    )
    objections: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="Conditions that aren't met; empty: all are."
    )
    summary: Mapped[str] = mapped_column(comment="The decision in a sentence.")
    figures: Mapped[dict[str, Any]] = mapped_column(
        comment="Metrics with intervals by name, scope and metric."
    )
    model_card: Mapped[str] = mapped_column(comment="Where the page about the version lies.")
    decided_by: Mapped[str] = mapped_column(comment="The conditions, or the person who was asked.")
    decided_at: Mapped[datetime] = mapped_column(comment="When.")


class ChampionRow(Base):
    """History of champions: rows are only added."""

    __tablename__ = "champions"
    __table_args__ = (
        Index(
            "ux_champions_training_run",
            "training_run",
            unique=True,
            postgresql_where=text("training_run is not null"),
        ),
        {
            "schema": "analytics",
            "comment": "Champion of a day D: of the rows with from_date <= D, the one with the "
            "highest (from_date, champion_id).",
        },
    )
    champion_id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, comment="Number of the change."
    )
    from_date: Mapped[date] = mapped_column(comment="First data day that it is champion of.")
    model_version: Mapped[str] = mapped_column(comment="Version in the registry.")
    training_run: Mapped[str | None] = mapped_column(
        comment="Run that promoted it; null: a person brought it back."
    )
    reason: Mapped[str] = mapped_column(comment="Why.")
    changed_by: Mapped[str] = mapped_column(comment="Who or what changed it.")
    changed_at: Mapped[datetime] = mapped_column(comment="When.")
