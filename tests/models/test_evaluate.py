"""Metrics by hand, and what they are when they aren't defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.models.judging.evaluate import ALL, MEAN, calibration_error, evaluate

ONE = np.ones(4, dtype=np.float32)


def arrays(*rows: tuple[float, int]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([probability for probability, _ in rows]),
        np.array([label for _, label in rows], dtype=np.float32),
    )


def test_by_hand() -> None:
    probability, label = arrays((0.8, 1), (0.6, 0), (0.4, 1), (0.2, 0))
    found = evaluate(probability, label, ONE, np.array(["a", "a", "b", "b"], dtype=object))
    assert found[ALL].roc_auc == 0.75  # of the four pairs, one is in the wrong order
    assert found["a"].roc_auc == found["b"].roc_auc == found[MEAN].roc_auc == 1.0
    assert found[ALL].log_loss == pytest.approx(-np.log(0.8 * 0.4 * 0.4 * 0.8) / 4)
    assert found[ALL].lift_top_decile == 2.0  # the best row is positive, half of all are


def test_one_class_has_no_auc() -> None:
    probability, label = arrays((0.1, 0), (0.2, 0), (0.3, 0), (0.4, 0))
    found = evaluate(probability, label, ONE, np.array(["a"] * 4, dtype=object))[ALL]
    assert (found.roc_auc, found.average_precision, found.lift_top_decile) == (None, None, None)


def test_calibration_of_a_constant_is_its_distance_from_the_truth() -> None:
    label = np.array([1, 0] * 50, dtype=np.float32)
    weight = np.ones(100, dtype=np.float32)
    assert calibration_error(np.full(100, 0.5), label, weight) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(np.full(100, 0.3), label, weight) == pytest.approx(0.2)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=30))
def test_a_row_of_weight_two_counts_like_two_rows(rows: list[tuple[float, int]]) -> None:
    probability, label = arrays(*rows)
    campaign = np.array(["a"] * len(rows), dtype=object)
    heavy = evaluate(probability, label, np.full(len(rows), 2, dtype=np.float32), campaign)[ALL]
    doubled = evaluate(
        np.repeat(probability, 2),
        np.repeat(label, 2),
        np.ones(2 * len(rows), dtype=np.float32),
        np.repeat(campaign, 2),
    )[ALL]
    assert heavy.log_loss == pytest.approx(doubled.log_loss)
    assert heavy.roc_auc == pytest.approx(doubled.roc_auc) or heavy.roc_auc is None
