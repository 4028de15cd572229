"""Predict with a saved model: the module of this package that Spark workers load too."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from include.contracts import Column
from include.errors import NoModelError
from include.models.manifest import FIRST_DEFINITION, Manifest
from include.models.matrix import Matrix, to_matrix
from include.settings import settings
from include.store import read_whole

MANIFEST_FILE = "manifest.json"


class Model(Protocol):
    """What both families offer."""

    def save(self) -> bytes:
        """The model without pickle."""
        ...

    def predict(self, matrix: Matrix, threads: int) -> NDArray[np.float64]:
        """Probabilities, shape (rows,)."""
        ...


def family(name: str) -> tuple[Any, str]:
    """Class and file name of a family; imported late, because torch takes seconds."""
    if name == "xgboost":
        module = import_module("include.models.fitting.xgb")
        return module.Trees, module.MODEL_FILE
    module = import_module("include.models.fitting.network_model")
    return module.Net, module.MODEL_FILE


@dataclass(frozen=True)
class SavedModel:
    """A model's file and manifest, as bytes: small enough to send to every worker."""

    manifest: Manifest
    content: bytes

    def misfit(self, columns: Sequence[Column]) -> str:
        """What keeps the model from predicting on a table, in words; empty: nothing.

        It needs the features that it learned, by name, type and version, in any order. Others may
        be there, too: a new feature ends no model's work.
        """
        now = {column.name: column.definition for column in columns}
        learned = {
            name: self.manifest.definitions.get(name, FIRST_DEFINITION)
            for name in self.manifest.features
        }
        lacking = [name for name in learned if name not in now]
        others = [
            f"{name} ({definition} when it learned, {now[name]} now)"
            for name, definition in learned.items()
            if name in now and now[name] != definition
        ]
        said = f"it needs {', '.join(lacking)}" if lacking else ""
        if others:
            said += f"{' and ' if said else ''}it learned another {', '.join(others)}"
        return said

    def require_features(self, columns: Sequence[Column], source: str) -> None:
        """Refuse to predict on a table that lacks a feature of the model, or has it otherwise.

        Raises:
            NoModelError: It does; the text names the difference.
        """
        if misfit := self.misfit(columns):
            raise NoModelError(
                f"model {self.manifest.experiment}, trained through "
                f"{self.manifest.trained_through}, doesn't fit {source}: {misfit}. Bring these "
                "features back, pin a version that fits, or train a model on the present features"
            )

    def load(self) -> "Predictor":
        """Build the model, once a process."""
        kind, _ = family(self.manifest.family)
        return Predictor(self.manifest, kind.load(self.content))


@dataclass(frozen=True)
class Predictor:
    """A model in memory."""

    manifest: Manifest
    model: Model

    def predict(self, rows: pa.Table | pa.RecordBatch, threads: int = 1) -> NDArray[np.float64]:
        """Probabilities of rows with the model's features, `campaign_id` and `category`."""
        return self.model.predict(to_matrix(rows, self.manifest.layout), threads)


def read_model(uri: str) -> SavedModel:
    """Read a saved model and check its file against the manifest's hash.

    Raises:
        NoModelError: The folder lacks a file, or the model's file isn't the one that was saved.
    """
    try:
        with readable(uri) as folder:
            manifest = Manifest.model_validate_json(read_whole(f"{folder}/{MANIFEST_FILE}"))
            content = read_whole(f"{folder}/{manifest.model_file}")
    except FileNotFoundError as error:
        raise NoModelError(f"the model at {uri} lacks a file: {error}") from None
    except ValidationError as error:
        keys = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
        raise NoModelError(
            f"the model at {uri} was saved by another version of the code: its {MANIFEST_FILE} "
            f"differs in {keys or 'its form'}. Train a model with this one (train_weekly)"
        ) from None
    seen = hashlib.sha256(content).hexdigest()
    if seen != manifest.model_sha256:
        raise NoModelError(
            f"{uri}/{manifest.model_file} is not the file that was saved: its SHA-256 is {seen}, "
            f"the manifest says {manifest.model_sha256}. Don't score with it; pin another version"
        )
    return SavedModel(manifest, content)


@contextmanager
def readable(uri: str) -> Iterator[str]:
    """The URI itself, or of a copy where only the tracking server can reach it."""
    if not uri.startswith("mlflow-artifacts:"):
        yield uri
        return
    import mlflow

    with TemporaryDirectory(prefix="model-") as folder:
        try:
            copy = mlflow.artifacts.download_artifacts(
                uri, dst_path=folder, tracking_uri=settings().mlflow_tracking_uri
            )
        except mlflow.MlflowException as error:
            raise NoModelError(f"the model at {uri} can't be fetched: {error}") from None
        yield f"file://{copy.rstrip('/')}"
