"""A fitted network with what its inputs are scaled by: fit, save, load, predict."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from include.config import Reading
from include.errors import ConfigError
from include.models.examples import Split
from include.models.fitting.compute import Compute
from include.models.fitting.network import Network, Parameters, inputs
from include.models.fitting.network_training import fit_network
from include.models.fitting.parameters import parse
from include.models.matrix import Layout, Matrix

MODEL_FILE = "model.safetensors"
PREDICT_ROWS = 4_096
"""So many rows go through the network at a time, always: libraries choose how they add up by the
size of a batch, and the last bits of a row's score must not depend on who is scored with it."""
NARROWEST = 16
"""Least width of a hidden layer. With 3 to 11, last bits differed by a row's place in its batch;
with 12 and more, none did (AVX2)."""


@dataclass(frozen=True)
class Net:
    """A fitted model: the network, and what its inputs are scaled by."""

    network: Network
    mean: Tensor
    scale: Tensor
    best_iteration: int | None = None
    """The epoch that it is of; None: it was loaded."""

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
    ) -> "Net":
        """Fit on `split.train`, keep the epoch that is best on `split.valid`.

        Args:
            split: The examples.
            layout: The columns of the matrix.
            parameters: Fields of `Parameters`; an unknown one is an error.
            seed: Of the weights, of dropout and of the order of rows.
            compute: Device, threads, and the processes that share the rows.
            reading: How many rows at a time, and how many in memory to shuffle.
        """
        chosen = parse(Parameters, parameters)
        if chosen.hidden < NARROWEST:
            raise ConfigError(
                f"hidden must be at least {NARROWEST}, got {chosen.hidden}: libraries add narrower "
                "layers up in an order that depends on a row's place in its batch, so a score "
                "couldn't be computed again"
            )
        return cls(*fit_network(split, layout, chosen, seed, compute, reading))

    @classmethod
    def load(cls, content: bytes) -> "Net":
        """A model from what `save` gave."""
        tensors = load_tensors(content)
        mean, scale = tensors.pop("scaling.mean"), tensors.pop("scaling.scale")
        hidden = sorted(
            (name for name in tensors if name.startswith("body.") and name.endswith(".weight")),
            key=lambda name: int(name.split(".")[1]),
        )
        campaign, category = tensors["campaign.weight"], tensors["category.weight"]
        chosen = Parameters(
            hidden=tensors[hidden[0]].shape[0],
            layers=len(hidden) - 1,
            embedding=campaign.shape[1],
        )
        network = Network(len(mean), campaign.shape[0] - 1, category.shape[0] - 1, chosen)
        network.load_state_dict(tensors)
        return cls(network.eval(), mean, scale)

    def save(self) -> bytes:
        """The model as safetensors."""
        tensors = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        return bytes(
            save_tensors({**tensors, "scaling.mean": self.mean, "scaling.scale": self.scale})
        )

    def predict(self, matrix: Matrix, threads: int) -> NDArray[np.float64]:
        """Probabilities, shape (rows,)."""
        torch.set_num_threads(threads)
        found = []
        with torch.inference_mode():
            for start in range(0, len(matrix), PREDICT_ROWS):
                rows = matrix[start : start + PREDICT_ROWS]
                filled = np.pad(rows, ((0, PREDICT_ROWS - len(rows)), (0, 0)), mode="edge")
                numbers, codes = inputs(torch.from_numpy(filled))
                logits = self.network((numbers - self.mean) / self.scale, codes)
                found.append(torch.sigmoid(logits.double()).numpy()[: len(rows)])
        return np.concatenate(found) if found else np.empty(0)
