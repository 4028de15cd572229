"""The one function from feature columns to a model's matrix, for training and for scoring."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def to_matrix(
    rows: pa.Table | pa.RecordBatch, features: Sequence[str], campaigns: Sequence[str]
) -> Matrix:
    """Features and campaign of each row as numbers.

    Args:
        rows: With the columns `features` (double, null for unknown) and `campaign_id`.
        features: Names of the feature columns, in the model's order.
        campaigns: The campaigns that the model was trained on; a campaign's code is its place here.

    Returns:
        Shape (rows, features + 1): the features, NaN for null, then the campaign's code, NaN for a
        campaign that the model has never seen.
    """
    matrix = np.empty((rows.num_rows, len(features) + 1), dtype=np.float32)
    for place, name in enumerate(features):
        matrix[:, place] = _numbers(rows.column(name))
    codes = pc.index_in(rows.column("campaign_id"), value_set=pa.array(campaigns, pa.string()))
    matrix[:, -1] = _numbers(pc.cast(codes, pa.float64()))
    return matrix


def _numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    filled = pc.fill_null(pc.cast(column, pa.float64()), float("nan"))
    if isinstance(filled, pa.ChunkedArray):
        filled = filled.combine_chunks()
    return np.asarray(filled.to_numpy(zero_copy_only=False))
