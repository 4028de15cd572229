"""Gradient boosted trees, fed batch by batch."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from include.config import Reading
from include.models.examples import Batch, Examples, Split
from include.models.fitting.compute import Compute
from include.models.fitting.parameters import parse
from include.models.matrix import Layout, Matrix

MODEL_FILE = "model.ubj"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """What an experiment of the family may set."""

    max_depth: int = 6
    """Depth of a tree, at least 1."""
    learning_rate: float = 0.1
    """Share of each tree's correction that is applied, 0-1."""
    rounds: int = 400
    """Trees at most; early stopping usually ends sooner."""
    early_stopping_rounds: int = 20
    """Trees without gain on the validation examples before it stops."""
    min_child_weight: float = 20
    """Least sum of hessians in a leaf."""
    subsample: float = 1.0
    """Share of rows a tree sees, 0-1."""
    colsample_bytree: float = 1.0
    """Share of columns a tree sees, 0-1."""
    reg_lambda: float = 1.0
    """L2 penalty on leaf weights."""


class _Batches(xgboost.DataIter):
    """Hands examples to xgboost as often as it asks; only one batch is in memory."""

    def __init__(self, examples: Examples, layout: Layout, cache_prefix: str | None) -> None:
        self._examples, self._layout = examples, layout
        self._left: Iterator[Batch] = iter(())
        super().__init__(cache_prefix=cache_prefix)

    def reset(self) -> None:
        """Start again."""
        self._left = self._examples.batches(self._layout)

    def next(self, input_data: Any) -> bool:
        """Hand over the next batch; False if there is none."""
        for batch in self._left:
            input_data(
                data=batch.matrix,
                label=batch.label,
                weight=batch.weight,
                feature_types=self._layout.feature_types,
            )
            return True
        return False


@dataclass(frozen=True)
class Trees:
    """A fitted model."""

    booster: xgboost.Booster

    @property
    def best_iteration(self) -> int:
        """Trees that are left after early stopping."""
        return int(self.booster.num_boosted_rounds())

    @staticmethod
    def resolved(parameters: dict[str, object]) -> dict[str, object]:
        """All parameters of a fit: those that are given, and the others' defaults."""
        return asdict(parse(Parameters, parameters))

    @classmethod
    def fit(
        cls,
        split: Split,
        layout: Layout,
        parameters: dict[str, object],
        seed: int,
        compute: Compute,
        reading: Reading,
    ) -> "Trees":
        """Fit on `split.train`, stop by `split.valid`.

        The binned rows are kept in memory, a byte to four a number, or beyond
        `reading.in_memory_rows` in files below the temporary folder.

        Args:
            split: The examples.
            layout: The columns of the matrix.
            parameters: Fields of `Parameters`; an unknown one is an error.
            seed: Of row and column sampling.
            compute: Device and threads.
            reading: How many rows at a time, and how many in memory.
        """
        chosen = parse(Parameters, parameters)
        is_external = len(split.train) > reading.in_memory_rows
        kind = xgboost.ExtMemQuantileDMatrix if is_external else xgboost.QuantileDMatrix
        options = {"enable_categorical": True, "nthread": compute.threads}
        with tempfile.TemporaryDirectory(prefix="xgboost-") as folder:
            caches = [str(Path(folder) / n) if is_external else None for n in ("train", "valid")]
            train = kind(_Batches(split.train, layout, caches[0]), **options)
            valid = kind(_Batches(split.valid, layout, caches[1]), ref=train, **options)
            if is_external:
                held = sum(file.stat().st_size for file in Path(folder).rglob("*"))
                print(f"[xgboost] {len(split.train):,} rows on disk: {held / 2**20:,.0f} MiB",
                      flush=True)  # fmt: skip
            booster = xgboost.train(
                {
                    "objective": "binary:logistic",
                    "eval_metric": "logloss",
                    "tree_method": "hist",
                    "device": compute.device,
                    "seed": seed,
                    "nthread": compute.threads,
                    "max_depth": chosen.max_depth,
                    "learning_rate": chosen.learning_rate,
                    "min_child_weight": chosen.min_child_weight,
                    "subsample": chosen.subsample,
                    "colsample_bytree": chosen.colsample_bytree,
                    "reg_lambda": chosen.reg_lambda,
                },
                train,
                num_boost_round=chosen.rounds,
                evals=[(valid, "valid")],
                early_stopping_rounds=chosen.early_stopping_rounds,
                verbose_eval=50,
            )
            del train, valid  # before their files
        best = booster[: booster.best_iteration + 1]
        best.set_param({"device": "cpu"})
        return cls(best)

    @classmethod
    def load(cls, content: bytes) -> "Trees":
        """A model from what `save` gave."""
        booster = xgboost.Booster()
        booster.load_model(bytearray(content))
        return cls(booster)

    def save(self) -> bytes:
        """The model as UBJSON."""
        return bytes(self.booster.save_raw("ubj"))

    def predict(self, matrix: Matrix, threads: int) -> NDArray[np.float64]:
        """Probabilities, shape (rows,)."""
        self.booster.set_param({"nthread": threads})
        # In place: a matrix of the library's own would be one more copy. Columns have no names.
        scores = self.booster.inplace_predict(matrix, validate_features=False)
        return np.asarray(scores, dtype=np.float64)
