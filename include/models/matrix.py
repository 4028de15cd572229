"""The one function from feature columns to a model's matrix, for training and for scoring."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


CATEGORICAL = ("category", "campaign_id")
"""The columns that a matrix ends with, as codes. Of two columns that say the same, trees split by
the first: so by the category, which a new campaign shares, before the campaign."""


@dataclass(frozen=True)
class Layout:
    """What the columns of a matrix are. A text's code is its place in the list of those known."""

    features: tuple[str, ...]
    campaigns: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def feature_types(self) -> list[str]:
        """What xgboost calls the columns of a matrix: `q` for numbers, then `c` for codes."""
        return ["q"] * len(self.features) + ["c"] * len(CATEGORICAL)


def to_matrix(rows: pa.Table | pa.RecordBatch, layout: Layout) -> Matrix:
    """Features, campaign and category of each row as numbers.

    Args:
        rows: With the features (double, null for unknown), `campaign_id` and `category`.
        layout: The features in the model's order, and what campaigns and categories it knows.

    Returns:
        Shape (rows, features + 2): the features, NaN for null, then the codes of category and
        campaign, NaN for one that the model has never seen.

    Example:
        >>> found = pa.table({"positive_count_7d": [1.0, None], "category": ["CARS", "CARS"],
        ...                   "campaign_id": ["sell_cars", "rent_cars"]})
        >>> layout = Layout(("positive_count_7d",), ("buy_boats", "sell_cars"), ("BOATS", "CARS"))
        >>> to_matrix(found, layout).tolist()
        [[1.0, 1.0, 1.0], [nan, 1.0, nan]]
    """
    matrix = np.empty((rows.num_rows, len(layout.features) + len(CATEGORICAL)), dtype=np.float32)
    for place, name in enumerate(layout.features):
        matrix[:, place] = _numbers(rows.column(name))
    known = (layout.categories, layout.campaigns)
    for place, (name, texts) in enumerate(zip(CATEGORICAL, known, strict=True)):
        codes = pc.index_in(rows.column(name), value_set=pa.array(texts, pa.string()))
        matrix[:, len(layout.features) + place] = _numbers(pc.cast(codes, pa.float64()))
    return matrix


def _numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    filled = pc.fill_null(pc.cast(column, pa.float64()), float("nan"))
    if isinstance(filled, pa.ChunkedArray):
        filled = filled.combine_chunks()
    return np.asarray(filled.to_numpy(zero_copy_only=False))
