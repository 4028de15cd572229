"""Yardstick: the bare library's prediction of the same pairs, from matrices in memory.

Only `Booster.inplace_predict` is timed: no reading, no joins, no ranking, no writing.
"""

import os
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from include.models.matrix import to_matrix
from include.models.prediction import read_model
from tests.bench.yardsticks.work import Work, work

TABLE = "scores.campaign_propensity"


def main(asked: Work) -> None:
    """Predict file by file, and write the scores."""
    saved = read_model(asked.model)
    booster = saved.load().model.booster  # type: ignore[attr-defined]
    booster.set_param({"nthread": os.cpu_count()})
    seconds = 0.0
    folder = asked.folder(TABLE)
    for number, path in enumerate(asked.tables["pairs"]):
        rows = pq.read_table(path)
        matrix = to_matrix(rows, saved.manifest.layout)
        started = time.monotonic()
        scores = booster.inplace_predict(matrix, validate_features=False)
        seconds += time.monotonic() - started
        pq.write_table(
            pa.table(
                {
                    "score_date": rows["feature_date"],
                    "user_id": rows["user_id"],
                    "campaign_id": rows["campaign_id"],
                    "score": np.asarray(scores, dtype=np.float64),
                }
            ),
            f"{folder}/{number}.parquet",
        )
    print(f"[timed] {seconds:.3f} s", flush=True)


if __name__ == "__main__":
    main(work())
