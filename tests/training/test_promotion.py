"""Promotion: every condition can stop a candidate, and only conditions can."""

from copy import deepcopy
from typing import Any

import pytest

from include.config import Promotion
from include.training.compare import judge

RULES = Promotion(min_auc_gain=0.02, max_calibration_error=0.05, min_finished_experiments=1)


def metrics(roc_auc: float, log_loss: float, error: float = 0.01) -> dict[str, Any]:
    one = {"roc_auc": roc_auc, "log_loss": log_loss, "calibration_error": error}
    return {"all": one, "mean_of_campaigns": dict(one)}


GOOD: dict[str, Any] = {
    "candidate": metrics(0.85, 0.26),
    "baseline_constant": metrics(0.72, 0.32),
    "baseline_recency": metrics(0.82, 0.28),
}


def test_a_better_calibrated_candidate_may() -> None:
    assert judge(GOOD, "candidate", RULES) == []
    assert judge(GOOD | {"champion": metrics(0.84, 0.27)}, "candidate", RULES) == []


@pytest.mark.parametrize(
    ("who", "scope", "change", "objection"),
    [
        ("candidate", "all", {"roc_auc": 0.83}, r"ROC AUC \(all\) is \+0.0100 against baseline_r"),
        ("candidate", "mean_of_campaigns", {"roc_auc": 0.8}, r"\(mean_of_campaigns\) is -0.0200"),
        ("candidate", "all", {"log_loss": 0.29}, "log loss 0.2900 isn't below that of baseline_r"),
        ("candidate", "all", {"calibration_error": 0.06}, "calibration error 0.0600 is above"),
        ("champion", "all", {"log_loss": 0.26}, "isn't below the champion's 0.26000"),
    ],
)
def test_each_condition_can_stop_it(
    who: str, scope: str, change: dict[str, float], objection: str
) -> None:
    every = deepcopy(GOOD | ({"champion": metrics(0.84, 0.27)} if who == "champion" else {}))
    every[who][scope] |= change
    objections = judge(every, "candidate", RULES)
    assert len(objections) == 1
    import re

    assert re.search(objection, objections[0])
