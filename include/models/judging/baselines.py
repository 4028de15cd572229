"""What a model must beat: a constant per campaign, and "who reacted lately reacts again"."""

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from include.models.examples import Summary

CONSTANT = "baseline_constant"
RECENCY = "baseline_recency"


def constant(fitted_on: Summary, campaign: NDArray[np.object_]) -> NDArray[np.float64]:
    """Each campaign's share of positives in training; of a new campaign, the share of all."""
    everywhere = sum(fitted_on.positive.values()) / sum(fitted_on.weight.values())
    shares = {name: fitted_on.positive[name] / fitted_on.weight[name] for name in fitted_on.weight}
    return np.array([shares.get(name, everywhere) for name in campaign])


def recency(fitted_on: Summary, decayed: NDArray[np.float64]) -> NDArray[np.float64]:
    """The user's own decayed count of positive events in the category, made a probability.

    Calibrated by isotonic regression on the training rows, over all campaigns together: the
    strongest use of that one number that keeps its order.

    Args:
        fitted_on: The rows to fit on.
        decayed: That number for each row to judge.
    """
    values, weight, positive = fitted_on.recency.T
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        values, positive / weight, sample_weight=weight
    )
    probability = np.asarray(fitted.predict(decayed), dtype=np.float64)
    # Isotonic steps make ties that cost it AUC; a hair of the number itself keeps its order.
    return probability * (1 - 1e-6) + 1e-6 * decayed / (1 + decayed)
