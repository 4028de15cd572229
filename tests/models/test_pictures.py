"""Importance by shuffling, and pictures that are pictures."""

import numpy as np

from include.models.judging.judged import Judged, judge_rows
from include.models.judging.pictures import importance, lift, permutation_rises, reliability
from tests.models.example_files import part


def test_only_what_a_model_goes_by_matters() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.random((500, 3)).astype(np.float32)
    label = (matrix[:, 1] > 0.5).astype(int)

    def loss(rows: np.ndarray) -> float:
        return float((label != (rows[:, 1] > 0.5)).mean())

    found = permutation_rises(matrix, ["a", "b", "c"], loss)
    assert found["a"] == found["c"] == 0
    assert 0.4 < found["b"] < 0.6  # half of the rows change sides
    assert (
        matrix[:, 1] == np.random.default_rng(1).random((500, 3)).astype(np.float32)[:, 1]
    ).all()


def test_pictures_of_a_constant_and_of_no_positives(tmp_path) -> None:  # type: ignore[no-untyped-def]
    judged, recency = judge_rows(part(tmp_path, 3, 100, 18), 1_000, {})
    every = Judged(judged.rows, {"constant": np.full(100, 0.5), "recency": recency / 100})
    for picture in (
        reliability(every, ["constant", "recency"]),
        lift(every, ["constant", "recency"]),
        importance({"a": 0.0}),
    ):
        assert picture.startswith(b"\x89PNG")
