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
    rivals = [baselines.CONSTANT, baselines.RECENCY, *([CHAMPION] if CHAMPION in metrics else [])]
    found += [text for rival in rivals for text in _not_better(evidence, candidate, rival)]
    error = mine[ALL]["calibration_error"]
    if error > promotion.max_calibration_error:
        found.append(
            f"its calibration error {error:.4f} is above {promotion.max_calibration_error}"
        )
    return found + _much_worse_campaigns(evidence, candidate, rivals[-1], promotion)


def _not_better(evidence: Evidence, candidate: str, rival: str) -> list[str]:
    """Better means a lower log loss, in (nearly) every draw of the users."""
    mine, theirs = (evidence.metrics[who][ALL]["log_loss"] for who in (candidate, rival))
    interval = evidence.resampled.gain(candidate, rival, ALL)
    if interval.low is not None and interval.low > 0:
        return []
    return [
        f"its log loss {mine:.5f} isn't below the {theirs:.5f} of {rival} beyond chance (the gain "
        f"lies between {interval.low or 0:+.5f} and {interval.high or 0:+.5f})"
    ]


def _much_worse_campaigns(
    evidence: Evidence, candidate: str, rival: str, promotion: Promotion
) -> list[str]:
    found = []
    for scope, theirs in evidence.metrics[rival].items():
        if scope in (ALL, MEAN):
            continue
        mine = evidence.metrics[candidate][scope]["log_loss"]
        rise = mine / theirs["log_loss"] - 1
        interval = evidence.resampled.gain(candidate, rival, scope)
        is_beyond_chance = interval.high is not None and interval.high < 0
        if rise > promotion.max_campaign_log_loss_rise and is_beyond_chance:
            found.append(
                f"its log loss for {scope} is {rise:.1%} above that of {rival}, "
                f"{promotion.max_campaign_log_loss_rise:.1%} is allowed"
            )
    return found
