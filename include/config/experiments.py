"""`experiments.yaml`: what the training tries, how it reads, and when a model may be promoted."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from include.config.strict import Name, Strict, unique


class Experiment(Strict):
    """One configuration that the training tries."""

    name: Name
    family: Literal["xgboost", "torch"]
    parameters: dict[str, int | float | str | bool] = Field(default_factory=dict)
    """Checked by the family itself; unknown names are errors there."""
    seed: int = 20170101
    device: Literal["cpu", "cuda", "auto"] = "auto"
    cpu: str = "1"
    memory: str = "4Gi"
    gpu: int = Field(default=0, ge=0)
    """GPUs of its pod. With more than one, torch fits in as many processes."""

    @model_validator(mode="after")
    def _trees_take_one_gpu(self) -> Self:
        if self.family == "xgboost" and self.gpu > 1:
            raise ValueError(f"{self.name} asks for {self.gpu} GPUs: xgboost uses one at most")
        return self


class Reading(Strict):
    """How many examples are in memory at a time; more of them take longer, not more memory."""

    batch_rows: int = Field(default=65_536, ge=1)
    """Rows that are decoded from Parquet at a time."""
    in_memory_rows: int = Field(default=5_000_000, ge=0)
    """xgboost keeps up to this many binned rows in memory, and more of them on disk."""
    shuffle_rows: int = Field(default=1_000_000, ge=1)
    """torch shuffles within blocks of this many rows."""
    judged_rows: int = Field(default=2_000_000, ge=1)
    """About how many test rows are judged on at most, of a fixed share of the users."""


class Promotion(Strict):
    """When the best experiment may become champion."""

    min_auc_gain: float = Field(ge=0, le=1)
    """ROC AUC above both baselines, over all rows and averaged over campaigns."""
    max_calibration_error: float = Field(gt=0, le=1)
    """Expected calibration error, at most."""
    max_campaign_log_loss_rise: float = Field(default=0.05, ge=0)
    """No campaign's log loss may be this share above the champion's, and that beyond chance."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the intervals, and of what counts as better."""
    resamples: int = Field(default=200, ge=20, le=10_000)
    """Resamples of the users that the intervals come from."""
    min_finished_experiments: int = Field(ge=1)


class Experiments(Strict):
    """`experiments.yaml`."""

    experiments: tuple[Experiment, ...] = Field(min_length=1)
    reading: Reading = Reading()
    promotion: Promotion
    snapshot_weekday: int = Field(ge=0, le=6)
    """Training examples are as of the end of this weekday, their snapshot date; Monday = 0."""
    snapshot_every_days: int = Field(default=7, ge=1, le=28)
    """Days from one snapshot date to the next. With fewer than a week, a short history has enough
    of them, on every weekday alike."""
    snapshot_weeks: int = Field(ge=3, le=260)
    """So many weeks before the training day, snapshot dates are used."""
    negative_share: float = Field(gt=0, le=1)
    """Share of negative rows kept as examples (their weight is 1/share)."""

    def is_snapshot_date(self, day: date) -> bool:
        """Whether examples are made as of a day, once its labels are complete."""
        # Day 1 of Python's count is a Monday.
        return (day.toordinal() - 1 - self.snapshot_weekday) % self.snapshot_every_days == 0

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        unique("experiments", [e.name for e in self.experiments])
        return self
