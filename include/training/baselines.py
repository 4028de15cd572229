"""What a model must beat: a constant per campaign, and "who reacted lately reacts again"."""

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from include.training.data import Part

CONSTANT = "baseline_constant"
RECENCY = "baseline_recency"


def constant(train: Part, test: Part) -> NDArray[np.float64]:
    """Each campaign's share of positives in training; of a new campaign, the share of all."""
    everywhere = float(np.average(train.label, weights=train.weight))
    shares = {
        name: float(np.average(train.label[mine], weights=train.weight[mine]))
        for name in set(train.campaign)
        for mine in [train.campaign == name]
    }
    return np.array([shares.get(name, everywhere) for name in test.campaign])


def recency(train: Part, test: Part) -> NDArray[np.float64]:
    """The user's own decayed count of positive events in the category, made a probability.

    Calibrated by isotonic regression on the training rows, over all campaigns together: the
    strongest use of that one number that keeps its order.
    """
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        train.recency, train.label, sample_weight=train.weight
    )
    probability = np.asarray(fitted.predict(test.recency), dtype=np.float64)
    # Isotonic steps make ties that cost it AUC; a hair of the number itself keeps its order.
    return probability * (1 - 1e-6) + 1e-6 * test.recency / (1 + test.recency)
