"""Resampled metrics are the metrics of the resampled rows; intervals hold what they should."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.models.judging.evaluate import ALL, MEAN, evaluate
from include.models.judging.intervals import METRICS, Resampled, _Prepared, resample
from include.models.judging.judged import Judged


def judged(users: int, seed: int, **probability: np.ndarray) -> Judged:
    rng = np.random.default_rng(seed)
    truth = rng.random(2 * users)
    rows = pa.table(
        {
            "user": np.repeat(np.arange(users), 2),
            "campaign_id": ["a", "b"] * users,
            "label": (rng.random(2 * users) < truth).astype(np.int32),
            "weight": np.ones(2 * users),
        }
    )
    return Judged(rows, {"truth": truth, **probability})


# Sixths, so that ties are common.
ROW = st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(1, 3), st.integers(0, 4))


@given(st.lists(ROW, min_size=11, max_size=40), st.lists(st.integers(0, 3), min_size=5, max_size=5))
@settings(max_examples=200)
def test_a_user_who_counts_n_times_is_like_n_users(
    rows: list[tuple[int, int, int, int]], drawn: list[int]
) -> None:
    """Against a plain reading: repeat the rows, and ask scikit-learn."""
    probability, label, weight, user = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    probability = probability / 6
    counts = np.array(drawn, dtype=float)
    times = counts[user.astype(int)].astype(int)
    prepared = _Prepared.of(probability, label, weight, user.astype(int))
    found = dict(zip(METRICS, prepared.metrics(counts), strict=True))
    if not times.sum():
        assert all(np.isnan(value) for value in found.values())
        return
    again = [np.repeat(column, times) for column in (probability, label, weight)]
    expected = evaluate(*again, np.array(["a"] * times.sum(), dtype=object))[ALL].as_dict()
    for name in ("log_loss", "roc_auc", "average_precision"):
        want = expected[name]
        assert found[name] == pytest.approx(np.nan if want is None else want, nan_ok=True), name


def test_everybody_once_gives_the_metrics_themselves() -> None:
    rows = judged(200, 1)
    expected = evaluate(rows.probability["truth"], rows.label, rows.weight, rows.campaign)[ALL]
    prepared = _Prepared.of(
        rows.probability["truth"], rows.label, rows.weight, rows.user.astype(np.int64)
    )
    found = prepared.metrics(np.ones(200))
    np.testing.assert_allclose(found, [getattr(expected, name) for name in METRICS], rtol=1e-6)


def test_intervals_hold_the_figure_and_narrow_with_more_users() -> None:
    widths = []
    for users in (100, 1_600):
        rows = judged(users, 2)
        found = resample(rows, 0.95, 100)
        metrics = evaluate(rows.probability["truth"], rows.label, rows.weight, rows.campaign)
        for scope in (ALL, MEAN, "a", "b"):
            interval = found.interval("truth", scope, "log_loss")
            assert interval.low < metrics[scope].log_loss < interval.high  # type: ignore[operator]
        widths.append(interval.high - interval.low)  # type: ignore[operator]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.4)  # a root of sixteen


def test_a_gain_is_paired() -> None:
    """Half of the noise of two models is common: their difference is known much better."""
    rows = judged(400, 3)
    worse = np.clip(rows.probability["truth"] * 0.9 + 0.05, 0, 1)
    found = resample(Judged(rows.rows, rows.probability | {"worse": worse}), 0.95, 200)
    gain = found.gain("truth", "worse", ALL)
    alone = found.interval("truth", ALL, "log_loss")
    assert (gain.high - gain.low) < 0.3 * (alone.high - alone.low)  # type: ignore[operator]
    mirrored = found.gain("worse", "truth", ALL)
    assert (mirrored.low, mirrored.high) == (pytest.approx(-gain.high), pytest.approx(-gain.low))  # type: ignore[operator]


def test_what_is_hardly_ever_defined_has_no_interval() -> None:
    values = np.full((10, len(METRICS)), np.nan)
    values[:4] = 0.5
    found = Resampled({"x": {ALL: values}}, 0.95).interval("x", ALL, "roc_auc")
    assert (found.low, found.high) == (None, None)


def test_the_same_again() -> None:
    rows = judged(50, 4)
    one, two = (resample(rows, 0.9, 20).values["truth"][ALL] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_who_is_better_gains() -> None:
    rows = judged(100, 5)
    upside_down = 1 - rows.probability["truth"]
    found = resample(Judged(rows.rows, rows.probability | {"wrong": upside_down}), 0.95, 50)
    assert found.gain("truth", "wrong", ALL).low > 0  # type: ignore[operator]
    assert found.gain("wrong", "truth", ALL).high < 0  # type: ignore[operator]
