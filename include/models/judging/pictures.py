"""Pictures of how good a model is, as PNG: what people would rather look at than read."""

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from include.models.judging.evaluate import calibration_bins
from include.models.judging.judged import Judged

DPI = 110


def reliability(judged: Judged, names: Sequence[str]) -> bytes:
    """Mean probability against the share that reacted, in tenths of the rows."""
    figure, axes = _axes("mean probability of a tenth of the rows", "share that reacted")
    top = 0.0
    for name in names:
        probability = judged.probability[name]
        bins = calibration_bins(probability)
        said, was = (
            [float(np.average(values[rows], weights=judged.weight[rows])) for rows in bins]
            for values in (probability, judged.label)
        )
        axes.plot(said, was, marker="o", markersize=4, label=name)
        top = max(top, *said, *was)
    axes.plot([0, top], [0, top], color="grey", linestyle=":", label="as predicted")
    return _png(figure, axes)


def lift(judged: Judged, names: Sequence[str]) -> bytes:
    """Share of all reactions that is found among the best rows."""
    figure, axes = _axes("share of the rows, best first", "share of all reactions among them")
    for name in names:
        order = np.argsort(-judged.probability[name], kind="stable")
        weight = judged.weight[order].astype(np.float64)
        hits = weight * judged.label[order]
        picked = np.linspace(0, len(order) - 1, num=min(200, len(order))).astype(np.int64)
        axes.plot(
            (np.cumsum(weight) / weight.sum())[picked],
            (np.cumsum(hits) / max(hits.sum(), 1e-12))[picked],
            label=name,
        )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="in no order")
    return _png(figure, axes)


def importance(rises: dict[str, float], most: int = 20) -> bytes:
    """The columns that a model would miss most."""
    chosen = sorted(rises.items(), key=lambda pair: (-pair[1], pair[0]))[:most][::-1]
    figure, axes = _axes("rise of the log loss if the column is shuffled", "")
    figure.set_size_inches(7, 0.5 + 0.28 * len(chosen))
    axes.barh([name for name, _ in chosen], [rise for _, rise in chosen])
    return _png(figure, None)


def _axes(below: str, beside: str) -> tuple[Figure, Axes]:
    # Not pyplot, which keeps every figure and looks for a display.
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Figure, axes: Axes | None) -> bytes:
    if axes is not None:
        axes.legend(frameon=False, fontsize=8)
    sink = BytesIO()
    figure.savefig(sink, format="png", dpi=DPI, metadata={"Software": None})
    return sink.getvalue()


def permutation_rises(
    matrix: NDArray[np.float32],
    names: Sequence[str],
    log_loss: Callable[[NDArray[np.float32]], float],
    seed: int = 0,
) -> dict[str, float]:
    """How much the log loss rises if one column is shuffled: the same measure for both families.

    Args:
        matrix: Rows of a model's matrix.
        names: Names of its columns.
        log_loss: Of such a matrix.
        seed: Of the shuffles.
    """
    rng = np.random.default_rng(seed)
    base = log_loss(matrix)
    found = {}
    for place, name in enumerate(names):
        shuffled = matrix.copy()
        shuffled[:, place] = rng.permutation(shuffled[:, place])
        found[name] = log_loss(shuffled) - base
    return found
