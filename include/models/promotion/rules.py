"""When a candidate may become champion: every condition, and what stands against it."""

from dataclasses import dataclass
from typing import Any

from include.config import Promotion
from include.models.judging import baselines
from include.models.judging.evaluate import ALL, MEAN
from include.models.judging.intervals import Resampled

CHAMPION = "champion"
Metrics = dict[str, dict[str, dict[str, Any]]]
"""Figures by name (experiment, champion, baseline), scope and metric."""


@dataclass(frozen=True)
class Evidence:
    """All that a decision rests on."""

    metrics: Metrics
    resampled: Resampled


def objections(evidence: Evidence, candidate: str, promotion: Promotion) -> list[str]:
    """Why a candidate may not become champion; empty if it may.

    Args:
        evidence: Of the candidate, both baselines, and `champion` if there is one.
        candidate: Whose promotion is judged.
        promotion: The conditions.

    Example:
        Better than both baselines, but in half of the draws the champion is as good:

        >>> import numpy as np
        >>> def judged(log_loss, roc_auc):
        ...     found = {"log_loss": log_loss, "roc_auc": roc_auc, "calibration_error": 0.01}
        ...     return {ALL: found, MEAN: found, "sell_cars": found}
        >>> metrics = {
        ...     "trees": judged(0.25, 0.86), "champion": judged(0.26, 0.85),
        ...     "baseline_recency": judged(0.28, 0.82), "baseline_constant": judged(0.32, 0.72),
        ... }
        >>> draws = {
        ...     name: {scope: np.full((20, 5), f["log_loss"]) for scope, f in scopes.items()}
        ...     for name, scopes in metrics.items()
        ... }
        >>> draws["champion"][ALL][:10] = 0.25
        >>> conditions = Promotion(
        ...     min_auc_gain=0.02, max_calibration_error=0.05, min_finished_experiments=1
        ... )
        >>> (found,) = objections(Evidence(metrics, Resampled(draws, 0.95)), "trees", conditions)
        >>> print(found.split(" (")[0])
        its log loss 0.25000 isn't below the 0.26000 of champion beyond chance
    """
    metrics = evidence.metrics
    mine = metrics[candidate]
    found = []
    for name in (baselines.CONSTANT, baselines.RECENCY):
        for scope in (ALL, MEAN):
            gain = (mine[scope]["roc_auc"] or 0) - (metrics[name][scope]["roc_auc"] or 0)
            if gain < promotion.min_auc_gain:
                found.append(
                    f"its ROC AUC ({scope}) is {gain:+.4f} against {name}, "
                    f"{promotion.min_auc_gain:+.4f} is asked for"
                )
    references = [baselines.CONSTANT, baselines.RECENCY]
    references += [CHAMPION] if CHAMPION in metrics else []
    found += [text for name in references for text in _not_better(evidence, candidate, name)]
    error = mine[ALL]["calibration_error"]
    if error > promotion.max_calibration_error:
        found.append(
            f"its calibration error {error:.4f} is above {promotion.max_calibration_error}"
        )
    return found + _much_worse_campaigns(evidence, candidate, references[-1], promotion)


def _not_better(evidence: Evidence, candidate: str, reference: str) -> list[str]:
    """Better means a lower log loss, in (nearly) every draw of the users."""
    mine, theirs = (evidence.metrics[who][ALL]["log_loss"] for who in (candidate, reference))
    interval = evidence.resampled.gain(candidate, reference, ALL)
    if interval.low is not None and interval.low > 0:
        return []
    return [
        f"its log loss {mine:.5f} isn't below the {theirs:.5f} of {reference} beyond chance (the "
        f"gain lies between {interval.low or 0:+.5f} and {interval.high or 0:+.5f})"
    ]


def _much_worse_campaigns(
    evidence: Evidence, candidate: str, reference: str, promotion: Promotion
) -> list[str]:
    found = []
    for scope, theirs in evidence.metrics[reference].items():
        if scope in (ALL, MEAN):
            continue
        mine = evidence.metrics[candidate][scope]["log_loss"]
        rise = mine / theirs["log_loss"] - 1
        interval = evidence.resampled.gain(candidate, reference, scope)
        is_beyond_chance = interval.high is not None and interval.high < 0
        if rise > promotion.max_campaign_log_loss_rise and is_beyond_chance:
            found.append(
                f"its log loss for {scope} is {rise:.1%} above that of {reference}, "
                f"{promotion.max_campaign_log_loss_rise:.1%} is allowed"
            )
    return found
