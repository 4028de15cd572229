"""A neural network: numbers and embeddings of campaign and category, through dense layers."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from include.config import Reading
from include.training.compute import Compute
from include.training.data import Split
from include.training.matrix import CATEGORICAL, Layout, Matrix
from include.training.parameters import parse

MODEL_FILE = "model.safetensors"
PREDICT_ROWS = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """What an experiment of the family may set."""

    hidden: int = 128
    """Width of a layer."""
    layers: int = 2
    """Hidden layers."""
    embedding: int = 8
    """Numbers that describe a campaign, and as many that describe a category."""
    dropout: float = 0.1
    """Share of a layer's outputs that is left out in training, 0-1."""
    epochs: int = 6
    """Passes over the training rows; the best by validation is kept."""
    batch_size: int = 2048
    """Rows a step and process."""
    learning_rate: float = 2e-3
    """Of AdamW, at the start; it falls to zero along a cosine."""
    weight_decay: float = 1e-4
    """Of AdamW."""


class Network(nn.Module):
    """Logit of the probability of a reaction.

    Shape:
        numbers (rows, 2 × features), codes (rows, 2) with 0 for unknown → (rows,).
    """

    def __init__(self, numbers: int, campaigns: int, categories: int, chosen: Parameters) -> None:
        super().__init__()
        # What was never seen adds nothing: its vector stays zero.
        self.category = nn.Embedding(categories + 1, chosen.embedding, padding_idx=0)
        self.campaign = nn.Embedding(campaigns + 1, chosen.embedding, padding_idx=0)
        width = numbers + len(CATEGORICAL) * chosen.embedding
        blocks: list[nn.Module] = []
        for _ in range(chosen.layers):
            blocks += [nn.Linear(width, chosen.hidden), nn.SiLU(), nn.Dropout(chosen.dropout)]
            width = chosen.hidden
        self.body = nn.Sequential(*blocks, nn.Linear(width, 1))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Logits of a batch."""
        known = (self.category(codes[:, 0]), self.campaign(codes[:, 1]))
        return self.body(torch.cat([numbers, *known], dim=1)).squeeze(1)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Net:
    """A fitted model: the network, and what its inputs are scaled by."""

    network: Network
    mean: Tensor
    scale: Tensor

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
        from include.training.network_fit import fit_network

        chosen = parse(Parameters, parameters)
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
                numbers, codes = inputs(torch.from_numpy(matrix[start : start + PREDICT_ROWS]))
                logits = self.network((numbers - self.mean) / self.scale, codes)
                found.append(torch.sigmoid(logits.double()).numpy())
        return np.concatenate(found) if found else np.empty(0)


def inputs(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """What the network is fed of a matrix, before scaling.

    Returns:
        Features on a logarithmic scale, and for each whether it is missing: (rows, 2 × features).
        Counts and sums span five orders of magnitude; sums may be negative, so the sign is kept.
        Codes of category and campaign from 1; 0 for one that the model has never seen.
    """
    values = matrix[:, : -len(CATEGORICAL)]
    missing = torch.isnan(values)
    filled = torch.where(missing, torch.zeros_like(values), values)
    logarithm = torch.sign(filled) * torch.log1p(filled.abs())
    codes = torch.nan_to_num(matrix[:, -len(CATEGORICAL) :] + 1, nan=0).to(torch.int64)
    return torch.cat([logarithm, missing.to(torch.float32)], dim=1), codes
