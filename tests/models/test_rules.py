"""Promotion: every condition can stop a candidate, and only conditions can."""

import re
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from include.config import Promotion
from include.models.judging.intervals import METRICS, Resampled
from include.models.promotion.rules import Evidence, objections

RULES = Promotion(min_auc_gain=0.02, max_calibration_error=0.05, max_campaign_log_loss_rise=0.05,
                  min_finished_experiments=1)  # fmt: skip
SCOPES = ("all", "mean_of_campaigns", "coffee", "cars")


def metrics(roc_auc: float, log_loss: float, error: float = 0.01) -> dict[str, Any]:
    one = {"roc_auc": roc_auc, "log_loss": log_loss, "calibration_error": error}
    return {scope: dict(one) for scope in SCOPES}


GOOD: dict[str, Any] = {
    "candidate": metrics(0.85, 0.26),
    "baseline_constant": metrics(0.72, 0.32),
    "baseline_recency": metrics(0.82, 0.28),
}
WITH_CHAMPION = GOOD | {"champion": metrics(0.84, 0.27)}


def evidence(found: dict[str, Any], noise: float = 0.001) -> Evidence:
    """Resamples around the figures: noise of the candidate's own, of a known size."""
    spread = np.linspace(-noise, noise, 21)
    values = {
        name: {
            scope: np.column_stack(
                [figures["log_loss"] + (spread if name == "candidate" else 0 * spread)]
                + [np.zeros(21)] * (len(METRICS) - 1)
            )
            for scope, figures in scopes.items()
        }
        for name, scopes in found.items()
    }
    return Evidence(found, Resampled(values, 0.95))


def test_a_better_calibrated_candidate_may() -> None:
    assert objections(evidence(GOOD), "candidate", RULES) == []
    assert objections(evidence(WITH_CHAMPION), "candidate", RULES) == []


def test_better_by_chance_is_not_better() -> None:
    """A gain of 0.01 with a noise of 0.02: 0 lies within the interval."""
    found = objections(evidence(WITH_CHAMPION, noise=0.02), "candidate", RULES)
    assert len(found) == 1
    assert (
        "isn't below the 0.27000 of champion beyond chance (the gain lies between -0.0" in found[0]
    )


@pytest.mark.parametrize(
    ("who", "scope", "change", "objection"),
    [
        ("candidate", "all", {"roc_auc": 0.83}, r"ROC AUC \(all\) is \+0.0100 against baseline_r"),
        ("candidate", "mean_of_campaigns", {"roc_auc": 0.8}, r"\(mean_of_campaigns\) is -0.0200"),
        ("baseline_recency", "all", {"log_loss": 0.25}, "isn't below the 0.25000 of baseline_rec"),
        ("candidate", "all", {"calibration_error": 0.06}, "calibration error 0.0600 is above"),
        ("champion", "all", {"log_loss": 0.26}, "isn't below the 0.26000 of champion"),
        ("candidate", "cars", {"log_loss": 0.30}, "for cars is 11.1% above that of champion, 5.0%"),
    ],
)
def test_each_condition_can_stop_it(
    who: str, scope: str, change: dict[str, float], objection: str
) -> None:
    every = deepcopy(WITH_CHAMPION)
    every[who][scope] |= change
    found = objections(evidence(every), "candidate", RULES)
    assert len(found) == 1
    assert re.search(objection, found[0])


def test_a_campaign_that_is_worse_by_chance_or_by_little_is_no_objection() -> None:
    every = deepcopy(WITH_CHAMPION)
    every["candidate"]["cars"]["log_loss"] = 0.28  # 3.7 % above 0.27
    assert objections(evidence(every), "candidate", RULES) == []
    every["candidate"]["cars"]["log_loss"] = 0.30
    noisy = evidence(every)
    noisy.resampled.values["candidate"]["cars"][:, 0] = 0.3 + np.linspace(-0.1, 0.1, 21)
    assert objections(noisy, "candidate", RULES) == []


def test_without_a_champion_campaigns_are_held_against_recency() -> None:
    every = deepcopy(GOOD)
    every["candidate"]["cars"]["log_loss"] = 0.35
    (found,) = objections(evidence(every), "candidate", RULES)
    assert "for cars is 25.0% above that of baseline_recency" in found
