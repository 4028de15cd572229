"""Gradient boosted trees."""

from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray

from include.training.data import Split
from include.training.matrix import Matrix
from include.training.parameters import parse

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
    """Trees without gain on the validation snapshot before it stops."""
    min_child_weight: float = 20
    """Least sum of hessians in a leaf."""
    subsample: float = 1.0
    """Share of rows a tree sees, 0-1."""
    colsample_bytree: float = 1.0
    """Share of columns a tree sees, 0-1."""
    reg_lambda: float = 1.0
    """L2 penalty on leaf weights."""


@dataclass(frozen=True)
class Trees:
    """A fitted model."""

    booster: xgboost.Booster

    @classmethod
    def fit(
        cls, split: Split, parameters: dict[str, object], seed: int, device: str, threads: int
    ) -> "Trees":
        """Fit on `split.train`, stop by `split.valid`.

        Args:
            split: The examples.
            parameters: Fields of `Parameters`; an unknown one is an error.
            seed: Of row and column sampling.
            device: `cpu` or `cuda`.
            threads: CPU threads.
        """
        chosen = parse(Parameters, parameters)
        kinds = ["q"] * len(split.features) + ["c"]
        train = xgboost.QuantileDMatrix(
            split.train.matrix,
            split.train.label,
            weight=split.train.weight,
            feature_types=kinds,
            enable_categorical=True,
            nthread=threads,
        )
        valid = xgboost.QuantileDMatrix(
            split.valid.matrix,
            split.valid.label,
            weight=split.valid.weight,
            feature_types=kinds,
            enable_categorical=True,
            nthread=threads,
            ref=train,
        )
        booster = xgboost.train(
            {
                "objective": "binary:logistic",
                "eval_metric": "logloss",
                "tree_method": "hist",
                "device": device,
                "seed": seed,
                "nthread": threads,
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
        kinds = ["q"] * (matrix.shape[1] - 1) + ["c"]
        rows = xgboost.DMatrix(
            matrix, feature_types=kinds, enable_categorical=True, nthread=threads
        )
        return np.asarray(self.booster.predict(rows), dtype=np.float64)
