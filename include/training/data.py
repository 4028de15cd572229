"""Examples, split by time."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.contracts import Table
from include.contracts.propensity import RECENCY_FEATURE
from include.errors import PipelineError
from include.lake import Lake
from include.training.matrix import Matrix, to_matrix

KEYS = ("user_id", "campaign_id", "snapshot_date", "label", "weight")


@dataclass(frozen=True)
class Part:
    """Examples of one part of the split; all arrays have one entry a row."""

    matrix: Matrix
    label: NDArray[np.float32]
    weight: NDArray[np.float32]
    campaign: NDArray[np.object_]
    recency: NDArray[np.float64]
    """What the recency baseline goes by: the decayed count of positive events."""
    snapshots: tuple[date, ...]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.label)


@dataclass(frozen=True)
class Split:
    """Fit on `train`, stop early by `valid`, judge once on `test`; each is later than the last."""

    train: Part
    valid: Part
    test: Part
    features: tuple[str, ...]
    campaigns: tuple[str, ...]


def feature_names(contract: Table) -> tuple[str, ...]:
    """The model's features: every column of the examples that is no key, label or weight."""
    return tuple(name for name in contract.column_names if name not in KEYS)


def read_split(lake: Lake, contract: Table, snapshot_id: int | None, as_of: date) -> Split:
    """Read the examples of a lake snapshot and split them by snapshot date.

    The newest snapshot date is for the test, the one before for early stopping, the rest to fit.

    Raises:
        PipelineError: There are fewer than three snapshot dates up to `as_of`.
    """
    rows = lake.arrow(contract, snapshot_id=snapshot_id)
    rows = rows.filter(pc.less_equal(rows.column("snapshot_date"), pa.scalar(as_of)))
    # One order for the same rows, whatever the files: models depend on it.
    rows = rows.sort_by([(name, "ascending") for name in KEYS[:3]])
    dates = sorted(set(rows.column("snapshot_date").to_pylist()))
    if len(dates) < 3:
        raise PipelineError(
            f"training.examples has {len(dates)} snapshot dates up to {as_of}, and a split by time "
            "needs 3 (to fit, to stop early, to judge): load more history with lake_history"
        )
    features = feature_names(contract)
    fitted = rows.filter(pc.less(rows.column("snapshot_date"), pa.scalar(dates[-2])))
    campaigns = tuple(sorted(set(fitted.column("campaign_id").to_pylist())))

    def part(chosen: list[date]) -> Part:
        mask = pc.is_in(rows.column("snapshot_date"), pa.array(chosen, pa.date32()))
        mine = rows.filter(mask)
        return Part(
            matrix=to_matrix(mine, features, campaigns),
            label=mine.column("label").to_numpy().astype(np.float32),
            weight=mine.column("weight").to_numpy().astype(np.float32),
            campaign=np.array(mine.column("campaign_id").to_pylist(), dtype=object),
            recency=mine.column(RECENCY_FEATURE).to_numpy(),
            snapshots=tuple(chosen),
        )

    split = Split(
        train=part(dates[:-2]),
        valid=part([dates[-2]]),
        test=part([dates[-1]]),
        features=features,
        campaigns=campaigns,
    )
    assert max(split.train.snapshots) < min(split.valid.snapshots) < min(split.test.snapshots)
    return split
