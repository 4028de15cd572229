"""What makes made-up traffic as awkward as a marketplace's: repeats, contradictions, money, news.

Whatever is drawn follows from the traffic's seed and the day, as the rest of it does.
"""

from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HIGHEST_VALUE = 500


def with_values(rows: pa.Table, rng: np.random.Generator, share: float, refunds: float) -> pa.Table:
    """Give a share of events a value, of which a share is negative: a refund.

    Args:
        rows: Events with a column `value`.
        rng: Draws.
        share: Events with a value, 0-1.
        refunds: Of those, refunds, 0-1.
    """
    value = np.round(rng.random(rows.num_rows) * HIGHEST_VALUE, 2)
    value = np.where(rng.random(rows.num_rows) < refunds, -value, value)
    is_null = rng.random(rows.num_rows) >= share
    return _replaced(rows, "value", pa.array(value, pa.float64(), mask=is_null))


def with_contradictions(rows: pa.Table, rng: np.random.Generator, share: float) -> pa.Table:
    """Give a share of events the id of the row before, whatever that says."""
    ids = np.array(rows.column("event_id").to_pylist(), dtype=object)
    is_taken = (rng.random(rows.num_rows) < share) & (np.arange(rows.num_rows) > 0)
    return _replaced(
        rows, "event_id", pa.array(np.where(is_taken, np.roll(ids, 1), ids), pa.string())
    )


def with_repeats(
    rows: pa.Table, before: pa.Table, rng: np.random.Generator, share: float
) -> pa.Table:
    """Replace a share of a day's events by events of the day before: they are delivered again."""
    at = np.arange(rows.num_rows)
    at = np.where(rng.random(rows.num_rows) < share, at + rows.num_rows, at)
    return pa.concat_tables([rows, before]).take(pa.array(at))


def new_users(users: int, new_per_day: int, first: date, day: date) -> NDArray[np.int64]:
    """Numbers of the users who land on a day: all at first, then so many new ones a day."""
    if day == first:
        return np.arange(users)
    start = users + ((day - first).days - 1) * new_per_day
    return np.arange(start, start + new_per_day)


def changed_listings(listings: int, rng: np.random.Generator, share: float) -> NDArray[np.int64]:
    """Numbers of the listings that land again, with another category and price."""
    return np.flatnonzero(rng.random(listings) < share)


def _replaced(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)
