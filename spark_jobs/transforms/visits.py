"""What days of visits say by the end of a date: one function of whole numbers.

Nothing here is Spark: rows come as Arrow, and each row is worked out by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.contracts.visits import (
    HALF_LIVES_DAYS,
    HORIZONS_DAYS,
    RING_DAYS,
    USER_VISITS_SINCE,
    VISIT_WINDOWS_DAYS,
    VISITS,
    WORD_BITS,
    WORDS,
    day_number,
    half_life_name,
)

# 0.5 ^ (age / half-life) as a whole number: exact to 1e-9, and a double holds sums of 366 of them.
WEIGHT_UNIT = 10**9
WEIGHTS = np.round(WEIGHT_UNIT * 0.5 ** (np.arange(RING_DAYS)[:, None] / np.array(HALF_LIVES_DAYS)))
"""Shape (366, half-lives), by age."""
AT_ONCE = 8_192
"""Rows that are spread out to days at a time, 366 bytes each."""
OF_USER = tuple(f"user_{name}" for name in WORDS)
"""Columns with the days of the user, beside those of the user in a category."""

Longs = NDArray[np.int64]
Days = NDArray[np.bool_]


def days_by_age(words: Longs, as_of: date) -> Days:
    """Which days had a visit.

    Args:
        words: Shape (rows, 6), as `include/contracts/visits.py` says.
        as_of: The date that has age 0.

    Returns:
        Shape (rows, 366), by age in days.

    Example:
        >>> number = day_number(date(2026, 3, 30)) % RING_DAYS
        >>> words = np.zeros((1, 6), np.int64)
        >>> words[0, number // WORD_BITS] = 1 << number % WORD_BITS
        >>> np.flatnonzero(days_by_age(words, date(2026, 3, 31))[0]).tolist()
        [1]
    """
    bits = (words[:, :, None] >> np.arange(WORD_BITS)) & 1
    places = (day_number(as_of) - np.arange(RING_DAYS)) % RING_DAYS
    return bits.reshape(len(words), RING_DAYS).astype(np.bool_)[:, places]


@dataclass(frozen=True)
class Values:
    """A column's values, and which of them are null."""

    values: NDArray[np.float64]
    is_null: NDArray[np.bool_]


def visits(days: Days) -> dict[str, Values]:
    """The columns `VISITS`, a value a row.

    Args:
        days: As `days_by_age` returns them; each row has a visit.

    Example:
        Visits 2, 9, 23 and 30 days ago; two of the gaps of 7, 14 and 7 days lasted as long as now.

        >>> days = np.zeros((1, 366), np.bool_)
        >>> days[0, [2, 9, 23, 30]] = True
        >>> found = {name: column.values[0] for name, column in visits(days).items()}
        >>> [round(float(found[name]), 2) for name in ("days_since_second_last_visit",
        ...  "visit_gaps", "mean_visit_gap_days", "visit_hazard_7d", "visits_half_life_7d")]
        [9.0, 3.0, 9.33, 0.67, 1.38]
    """
    rows, ages = np.nonzero(days)
    count = days.sum(axis=1)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])

    def nth(number: int) -> Values:
        is_null = count < number
        places = np.where(is_null, first, first + number - 1)
        return Values(ages[places].astype(np.float64), is_null)

    none = np.zeros(len(days), np.bool_)
    last, second = nth(1), nth(2)
    found = {
        "days_since_visit": last,
        "days_since_second_last_visit": second,
        "days_since_third_last_visit": nth(3),
    }
    for window in VISIT_WINDOWS_DAYS:
        found[f"visits_{window}d"] = Values(days[:, :window].sum(axis=1).astype(np.float64), none)
    for half_life, decayed in zip(HALF_LIVES_DAYS, (days @ WEIGHTS).T, strict=True):
        found[half_life_name(half_life)] = Values(decayed / WEIGHT_UNIT, none)

    is_same = rows[1:] == rows[:-1]
    gap, owner = (ages[1:] - ages[:-1])[is_same], rows[1:][is_same]
    gaps = count - 1

    def summed(values: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(owner, values, len(days)).astype(np.float64)

    total, squares = summed(gap), summed(gap * gap)
    has_none, divisor = gaps < 1, np.maximum(gaps, 1)
    mean = total / divisor
    since = last.values[owner]
    is_longer = gap > since
    longer = summed(is_longer.astype(np.int64))
    found |= {
        "visit_gaps": Values(gaps.astype(np.float64), none),
        "last_visit_gap_days": Values(second.values - last.values, has_none),
        "mean_visit_gap_days": Values(mean, has_none),
        # Of whole numbers until the root: the same in any order.
        "visit_gap_deviation_days": Values(
            np.sqrt(divisor * squares - total * total) / divisor, has_none
        ),
        "days_since_visit_by_mean_gap": Values(last.values / np.maximum(mean, 1), has_none),
        "longer_visit_gaps": Values(longer, none),
    }
    for horizon in HORIZONS_DAYS:
        ended = summed((is_longer & (gap <= since + horizon)).astype(np.int64))
        found[f"visit_hazard_{horizon}d"] = Values(ended / np.maximum(longer, 1), longer < 1)
    return found


def visits_since(days_of_user: Days, days_since: NDArray[np.float64]) -> Values:
    """`USER_VISITS_SINCE`: visits of a user that are less old than so many days.

    Example:
        >>> days = np.zeros((2, 366), np.bool_)
        >>> days[:, [0, 3, 5]] = True
        >>> visits_since(days, np.array([5.0, 0.0])).values.tolist()
        [2.0, 0.0]
    """
    so_far = np.cumsum(days_of_user, axis=1)
    age = days_since.astype(np.int64)
    before = so_far[np.arange(len(age)), np.maximum(age - 1, 0)]
    return Values(np.where(age > 0, before, 0).astype(np.float64), np.zeros(len(age), np.bool_))


def work_out(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Replace words by what they say; runs in Spark's Python workers.

    Args:
        batches: `feature_date`, `WORDS` and further columns; with `OF_USER`, or without.

    Example:
        >>> ring = {name: [1 if name == WORDS[0] else 0] for name in WORDS}
        >>> rows = {"feature_date": [date(1970, 1, 4)], "user_id": [7], **ring}
        >>> (said,) = work_out([pa.RecordBatch.from_pydict(rows)])
        >>> said.schema.names[:3], said.column("days_since_visit").to_pylist()
        (['feature_date', 'user_id', 'days_since_visit'], [3])
    """
    for batch in batches:
        for start in range(0, batch.num_rows, AT_ONCE):
            rows = batch.slice(start, AT_ONCE)
            dates = rows.column("feature_date")
            for day in dates.unique():
                mine = rows.filter(pa.compute.equal(dates, day))
                yield _worked_out(mine, day.as_py())


def _words(rows: pa.RecordBatch, names: tuple[str, ...]) -> Longs:
    return np.column_stack([rows.column(name).to_numpy() for name in names])


def _worked_out(rows: pa.RecordBatch, as_of: date) -> pa.RecordBatch:
    found = visits(days_by_age(_words(rows, WORDS), as_of))
    columns = list(VISITS)
    if OF_USER[0] in rows.schema.names:
        of_user = days_by_age(_words(rows, OF_USER), as_of)
        found[USER_VISITS_SINCE.name] = visits_since(of_user, found["days_since_visit"].values)
        columns.append(USER_VISITS_SINCE)
    kept = [name for name in rows.schema.names if name not in (*WORDS, *OF_USER)]
    arrays = [rows.column(name) for name in kept]
    for column in columns:
        values = found[column.name]
        kind = pa.int32() if column.type == "int" else pa.float64()
        arrays.append(pa.array(values.values, pa.float64(), mask=values.is_null).cast(kind))
    return pa.RecordBatch.from_arrays(arrays, names=[*kept, *(c.name for c in columns)])
