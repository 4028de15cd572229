"""How far figures could be off by chance: the bootstrap, over users.

A user's rows depend on each other, so whole users are drawn: each counts 0, 1, 2, … times (Poisson
with mean 1), and the same draw is used for everybody, so that differences are paired.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.models.judging.evaluate import ALL, EPSILON, MEAN, calibration_bins
from include.models.judging.judged import Judged

METRICS = ("log_loss", "roc_auc", "average_precision", "calibration_error", "lift_top_decile")
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Lower and upper end; None where a figure is rarely or never defined."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Resampled:
    """Every metric in every resample."""

    values: dict[str, dict[str, Numbers]]
    """By name and scope: shape (resamples, metrics), NaN where it isn't defined."""
    confidence: float

    def interval(self, name: str, scope: str, metric: str) -> Interval:
        """Where a metric lies."""
        return self._between(self.values[name][scope][:, METRICS.index(metric)])

    def gain(self, name: str, reference: str, scope: str) -> Interval:
        """By how much the log loss of `name` is below that of `reference`."""
        mine, theirs = (self.values[who][scope][:, 0] for who in (name, reference))
        return self._between(theirs - mine)

    def _between(self, found: Numbers) -> Interval:
        known = found[~np.isnan(found)]
        if len(known) < len(found) / 2:
            return Interval(None, None)
        rest = (1 - self.confidence) / 2
        low, high = np.quantile(known, [rest, 1 - rest])
        return Interval(float(low), float(high))


def resample(judged: Judged, confidence: float, resamples: int, seed: int = 0) -> Resampled:
    """Draw the users again and again, and compute every metric of everybody each time.

    Args:
        judged: Rows and the probabilities that everybody gave them.
        confidence: Share of the resamples that an interval spans, 0-1.
        resamples: How many.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    users = int(judged.user.max()) + 1
    campaign = judged.campaign
    scopes = {ALL: np.arange(len(campaign))}
    scopes |= {name: np.flatnonzero(campaign == name) for name in sorted(set(campaign))}
    prepared = {
        (name, scope): _Prepared.of(
            probability[rows], judged.label[rows], judged.weight[rows], judged.user[rows]
        )
        for name, probability in judged.probability.items()
        for scope, rows in scopes.items()
    }
    empty = {
        name: {scope: np.empty((resamples, len(METRICS))) for scope in (*scopes, MEAN)}
        for name in judged.probability
    }
    for number in range(resamples):
        counts = rng.poisson(1.0, users).astype(np.float64)
        for (name, scope), one in prepared.items():
            empty[name][scope][number] = one.metrics(counts)
    for by_scope in empty.values():
        campaigns = np.stack([v for scope, v in by_scope.items() if scope not in (ALL, MEAN)])
        defined = ~np.isnan(campaigns)
        total = np.where(defined, campaigns, 0.0).sum(axis=0)
        with np.errstate(invalid="ignore"):
            by_scope[MEAN][:] = total / defined.sum(axis=0)
    return Resampled(empty, confidence)


@dataclass(frozen=True)
class _Prepared:
    """What doesn't change between resamples: rows from the highest probability down."""

    label: Numbers
    weight: Numbers
    user: NDArray[np.int64]
    loss: Numbers
    residual: Numbers
    tenth: NDArray[np.int64]
    ends: NDArray[np.int64]
    """The last row of each run of equal probabilities."""

    @classmethod
    def of(
        cls,
        probability: Numbers,
        label: NDArray[np.float32],
        weight: NDArray[np.float32],
        user: NDArray[np.int64],
    ) -> "_Prepared":
        clipped = np.clip(probability.astype(np.float64), EPSILON, 1 - EPSILON)
        order = np.argsort(-clipped, kind="stable")
        tenth = np.empty(len(clipped), dtype=np.int64)
        for number, rows in enumerate(calibration_bins(clipped)):
            tenth[rows] = number
        p, y = clipped[order], label[order].astype(np.float64)
        return cls(
            label=y,
            weight=weight[order].astype(np.float64),
            user=user[order],
            loss=-(y * np.log(p) + (1 - y) * np.log1p(-p)),
            residual=p - y,
            tenth=tenth[order],
            ends=np.append(np.flatnonzero(np.diff(p)), len(p) - 1),
        )

    def metrics(self, counts: Numbers) -> Numbers:
        """The metrics, with each user counted as often as `counts` says."""
        drawn = counts[self.user]
        weight = self.weight * drawn
        total = weight.sum()
        if not total:
            return np.full(len(METRICS), np.nan)
        positive = weight * self.label
        error = np.abs(np.bincount(self.tenth, weight * self.residual)).sum() / total
        found = [float(weight @ self.loss / total), np.nan, np.nan, float(error), np.nan]
        positives = positive.sum()
        if positives:
            hits = np.cumsum(positive)
            hits_at_end, all_at_end = hits[self.ends], np.cumsum(weight)[self.ends]
            if total > positives:
                misses = all_at_end - hits_at_end
                found[1] = float(
                    np.trapezoid(np.append(0, hits_at_end), np.append(0, misses))
                    / (positives * (total - positives))
                )
            with np.errstate(invalid="ignore"):
                precision = np.where(all_at_end > 0, hits_at_end / all_at_end, 0.0)
            found[2] = float((np.diff(hits_at_end, prepend=0.0) * precision).sum() / positives)
            rows = np.cumsum(drawn)
            best = int(np.searchsorted(rows, max(1.0, rows[-1] // 10), side="right"))
            best_weight = weight[:best].sum()
            if best_weight:
                found[4] = float(positive[:best].sum() / best_weight / (positives / total))
        return np.array(found)
