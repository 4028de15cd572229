"""Examples, split by time and read in batches: never more of them in memory than is asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.contracts import Table
from include.contracts.propensity import RECENCY_FEATURE
from include.errors import PipelineError
from include.lake.tables import DataFile, Lake
from include.models.matrix import CATEGORICAL, Layout, Matrix, to_matrix

KEYS = ("user_id", "snapshot_date", "label", "weight", *CATEGORICAL)


@dataclass(frozen=True)
class Batch:
    """Some examples as numbers; all arrays have one entry a row."""

    matrix: Matrix
    label: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.label)


@dataclass(frozen=True)
class Examples:
    """The examples of some snapshot dates, where they lie."""

    lake: Lake
    contract: Table
    files: tuple[DataFile, ...]
    snapshot_dates: tuple[date, ...]
    batch_rows: int

    def __len__(self) -> int:
        """Number of rows, as the lake's metadata says."""
        return sum(file.row_count for file in self.files)

    def columns(
        self, names: Sequence[str], files: Sequence[DataFile] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows, in the same order whenever the same lake snapshot is read."""
        chosen = self.files if files is None else files
        return self.lake.stream(
            self.contract, [file.uri for file in chosen], names, self.batch_rows
        )

    def batches(self, layout: Layout, files: Sequence[DataFile] | None = None) -> Iterator[Batch]:
        """Rows as a model's matrix, from all files or from those named."""
        names = (*layout.features, *CATEGORICAL, "label", "weight")
        for rows in self.columns(names, files):
            yield Batch(
                to_matrix(rows, layout),
                rows.column("label").to_numpy().astype(np.float32),
                rows.column("weight").to_numpy().astype(np.float32),
            )


@dataclass(frozen=True)
class Split:
    """Fit on `train`, stop early by `valid`, judge on `test`; each a horizon after the last."""

    train: Examples
    valid: Examples
    test: Examples


def feature_names(contract: Table) -> tuple[str, ...]:
    """The model's features: every number of the examples that is no key, label or weight."""
    return tuple(name for name in contract.column_names if name not in KEYS)


def split_by_time(
    lake: Lake,
    contract: Table,
    snapshot_id: int | None,
    as_of: date,
    horizon_days: int,
    weeks: int,
    batch_rows: int,
) -> Split:
    """Split the examples of a lake snapshot by their snapshot date, as `split_dates` says.

    Reads no rows.

    Args:
        lake: The lake.
        contract: Of the examples.
        snapshot_id: Lake snapshot; None: the current one.
        as_of: Only snapshot dates whose labels were complete by then. The table may hold later
            ones, where an earlier week is trained again.
        horizon_days: So long after a snapshot date its labels are complete.
        weeks: Only snapshot dates within so many before `as_of`: these were made for this training.
            What earlier ones were made by, nobody knows any more.
        batch_rows: Rows that are read at a time.

    Raises:
        PipelineError: There are fewer than three such snapshot dates.
    """
    by_day = lake.files_by_day(contract, snapshot_id)

    def part(dates: list[date]) -> Examples:
        files = tuple(file for day in dates for file in by_day[day])
        return Examples(lake, contract, files, tuple(dates), batch_rows)

    first = as_of - timedelta(weeks=weeks)
    train, valid, test = split_dates([day for day in by_day if day >= first], as_of, horizon_days)
    return Split(part(train), part(valid), part(test))


def split_dates(
    days: Iterable[date], as_of: date, horizon_days: int
) -> tuple[list[date], list[date], list[date]]:
    """The newest snapshot date is for the test, an earlier one to stop early, those before to fit.

    Parts lie a horizon apart: no label of one part is of days that features of a later part are
    made from, so none knows of another what scoring wouldn't.

    Args:
        days: Snapshot dates of the examples there are.
        as_of: Later than this nothing is known; snapshot dates whose labels weren't complete by
            then are left out.
        horizon_days: So long after a snapshot date its labels are complete.

    Raises:
        PipelineError: There aren't three such snapshot dates, a horizon apart; the text says how
            many days of history are missing.

    Example:
        As of the 29th, the labels of the 29th are a week from complete:

        >>> sundays = [date(2026, 3, day) for day in (1, 8, 15, 22, 29)]
        >>> train, valid, test = split_dates(sundays, date(2026, 3, 29), horizon_days=7)
        >>> [day.day for day in train], [day.day for day in valid], [day.day for day in test]
        ([1, 8], [15], [22])

        Where reactions may take two weeks, a Sunday is left out between the parts:

        >>> sundays += [date(2026, 4, 5), date(2026, 4, 12)]
        >>> train, valid, test = split_dates(sundays, date(2026, 4, 12), horizon_days=14)
        >>> [f"{part[0]:%m-%d}..{part[-1]:%m-%d}" for part in (train, valid, test)]
        ['03-01..03-01', '03-15..03-15', '03-29..03-29']
    """
    horizon = timedelta(days=max(horizon_days, 1))
    every = sorted(days)
    dates = [day for day in every if day + timedelta(days=horizon_days) <= as_of]
    test = dates[-1:]
    valid = [day for day in dates if test and day + horizon <= test[0]][-1:]
    train = [day for day in dates if valid and day + horizon <= valid[0]]
    if not train:
        raise PipelineError(_too_few(every, dates, as_of, horizon_days))
    return train, valid, test


def _too_few(every: list[date], dates: list[date], as_of: date, horizon_days: int) -> str:
    said = (
        f"training.examples has {len(dates)} snapshot dates with complete labels as of {as_of}, "
        "and a split by time needs 3 (to fit, to stop early, to judge) that lie a horizon of "
        f"{horizon_days} days apart"
    )
    if every:
        missing = (every[0] + timedelta(days=3 * max(horizon_days, 1)) - as_of).days
        if missing > 0:
            said += f": at least {missing} days are missing after {every[0]}"
    return f"{said}. Wait, load more history with lake_history, or have more snapshot dates " + (
        "(experiments.yaml, snapshot_every_days)"
    )


@dataclass(frozen=True)
class Summary:
    """What baselines and codes need of the rows to fit on; small, however many rows there are."""

    campaigns: tuple[str, ...]
    categories: tuple[str, ...]
    weight: dict[str, float]
    """Weight of all rows of a campaign."""
    positive: dict[str, float]
    """Weight of its positive rows."""
    recency: NDArray[np.float64]
    """Shape (values, 3): each value of the recency feature, the weight of its rows, of the positive
    ones. Values are rounded to a thousandth of an event."""

    def layout(self, features: tuple[str, ...]) -> Layout:
        """The columns of a matrix for models that are fitted on these rows."""
        return Layout(features, self.campaigns, self.categories)


def summarise(examples: Examples) -> Summary:
    """Read the few columns that a summary needs, once."""
    weight: dict[str, float] = {}
    positive: dict[str, float] = {}
    categories: set[str] = set()
    recency = np.empty((0, 3))
    for rows in examples.columns([*CATEGORICAL, RECENCY_FEATURE, "label", "weight"]):
        label = rows.column("label").to_numpy().astype(np.float64)
        weights = rows.column("weight").to_numpy()
        coded = rows.column("campaign_id").dictionary_encode()
        codes = coded.indices.to_numpy()
        every = np.bincount(codes, weights, len(coded.dictionary))
        good = np.bincount(codes, weights * label, len(coded.dictionary))
        for name, one, two in zip(coded.dictionary.to_pylist(), every, good, strict=True):
            weight[name] = weight.get(name, 0.0) + float(one)
            positive[name] = positive.get(name, 0.0) + float(two)
        categories.update(rows.column("category").unique().to_pylist())
        values = np.round(rows.column(RECENCY_FEATURE).to_numpy(), 3)
        recency = _grouped(
            np.vstack([recency, np.column_stack([values, weights, weights * label])])
        )
    return Summary(tuple(sorted(weight)), tuple(sorted(categories)), weight, positive, recency)


def _grouped(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    values, places = np.unique(rows[:, 0], return_inverse=True)
    sums = [np.bincount(places, rows[:, column], len(values)) for column in (1, 2)]
    return np.column_stack([values, *sums])
