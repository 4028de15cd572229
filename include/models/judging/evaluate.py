"""How good probabilities are, over all rows and a campaign at a time."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

ALL = "all"
MEAN = "mean_of_campaigns"
CALIBRATION_BINS = 10
# Probabilities of exactly 0 or 1 would make the log loss infinite for one surprise.
EPSILON = 1e-7


@dataclass(frozen=True)
class Metrics:
    """Metrics of one scope. Null where they aren't defined: one class only, or no positives."""

    row_count: int
    positives: int
    log_loss: float
    roc_auc: float | None
    average_precision: float | None
    calibration_error: float
    lift_top_decile: float | None

    def as_dict(self) -> dict[str, Any]:
        """The metrics by name."""
        return asdict(self)

    def figures(self) -> dict[str, float]:
        """The metrics that are defined, by name."""
        return {key: float(value) for key, value in asdict(self).items() if value is not None}


def evaluate(
    probability: NDArray[np.float64],
    label: NDArray[np.float32],
    weight: NDArray[np.float32],
    campaign: NDArray[np.object_],
) -> dict[str, Metrics]:
    """Metrics over all rows (`all`), of each campaign, and their plain mean (`mean_of_campaigns`).

    Args:
        probability: Shape (rows,), 0-1.
        label: Shape (rows,), 0 or 1.
        weight: Shape (rows,): how many rows each stands for.
        campaign: Shape (rows,): whose metrics a row counts for.
    """
    found = {ALL: _metrics(probability, label, weight)}
    for name in sorted(set(campaign)):
        mine = campaign == name
        found[name] = _metrics(probability[mine], label[mine], weight[mine])
    campaigns = [value for name, value in found.items() if name != ALL]

    def mean(attribute: str) -> float | None:
        values = [getattr(one, attribute) for one in campaigns]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    found[MEAN] = Metrics(
        row_count=found[ALL].row_count,
        positives=found[ALL].positives,
        log_loss=mean("log_loss") or 0.0,
        roc_auc=mean("roc_auc"),
        average_precision=mean("average_precision"),
        calibration_error=mean("calibration_error") or 0.0,
        lift_top_decile=mean("lift_top_decile"),
    )
    return found


def calibration_error(
    probability: NDArray[np.float64], label: NDArray[np.float32], weight: NDArray[np.float32]
) -> float:
    """Expected calibration error: mean |mean probability - share of positives| over tenths of rows.

    Bins hold equally many rows (ties stay in order of appearance), weighted by what they stand for.

    Example:
        Where 0.2 was said, half reacted; where 0.75 was said, three of four did. Of the rows, half
        are 0.3 off, the others not at all:

        >>> probability = np.repeat([0.2, 0.75], 20)
        >>> label = np.array([1, 1, 0, 0] * 5 + [1, 1, 1, 0] * 5)
        >>> round(calibration_error(probability, label, weight=np.ones(40)), 6)
        0.15
    """
    total = 0.0
    for rows in calibration_bins(probability):
        share = weight[rows] / weight[rows].sum()
        gap = abs(float((probability[rows] * share).sum() - (label[rows] * share).sum()))
        total += gap * float(weight[rows].sum())
    return total / float(weight.sum())


def calibration_bins(probability: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Row numbers of each tenth of the rows, from the lowest probabilities up."""
    order = np.argsort(probability, kind="stable")
    return np.array_split(order, min(CALIBRATION_BINS, len(order)))


def _metrics(
    probability: NDArray[np.float64], label: NDArray[np.float32], weight: NDArray[np.float32]
) -> Metrics:
    clipped = np.clip(probability.astype(np.float64), EPSILON, 1 - EPSILON)
    positives = int(label.sum())
    both = 0 < positives < len(label)
    lift = None
    if positives:
        best = np.argsort(-clipped, kind="stable")[: max(1, len(clipped) // 10)]
        overall = float(np.average(label, weights=weight))
        lift = float(np.average(label[best], weights=weight[best])) / overall
    return Metrics(
        row_count=len(label),
        positives=positives,
        log_loss=float(metrics.log_loss(label, clipped, sample_weight=weight, labels=[0, 1])),
        roc_auc=float(metrics.roc_auc_score(label, clipped, sample_weight=weight))
        if both
        else None,
        average_precision=(
            float(metrics.average_precision_score(label, clipped, sample_weight=weight))
            if positives
            else None
        ),
        calibration_error=calibration_error(clipped, label, weight),
        lift_top_decile=lift,
    )
