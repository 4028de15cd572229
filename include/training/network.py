"""A neural network: numbers and an embedding of the campaign, through a few dense layers."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from include.training.data import Part, Split
from include.training.matrix import Matrix
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
    """Numbers that describe a campaign."""
    dropout: float = 0.1
    """Share of a layer's outputs that is left out in training, 0-1."""
    epochs: int = 6
    """Passes over the training rows; the best by validation is kept."""
    batch_size: int = 2048
    """Rows a step."""
    learning_rate: float = 2e-3
    """Of AdamW, at the start; it falls to zero along a cosine."""
    weight_decay: float = 1e-4
    """Of AdamW."""


class Network(nn.Module):
    """Logit of the probability of a reaction.

    Shape:
        numbers (rows, 2 × features), campaign (rows,) with 0 for unknown → (rows,).
    """

    def __init__(self, numbers: int, campaigns: int, chosen: Parameters) -> None:
        super().__init__()
        self.embedding = nn.Embedding(campaigns + 1, chosen.embedding)
        width = numbers + chosen.embedding
        blocks: list[nn.Module] = []
        for _ in range(chosen.layers):
            blocks += [nn.Linear(width, chosen.hidden), nn.SiLU(), nn.Dropout(chosen.dropout)]
            width = chosen.hidden
        self.body = nn.Sequential(*blocks, nn.Linear(width, 1))

    def forward(self, numbers: Tensor, campaign: Tensor) -> Tensor:
        """Logits of a batch."""
        joined = torch.cat([numbers, self.embedding(campaign)], dim=1)
        return self.body(joined).squeeze(1)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Net:
    """A fitted model: the network, and what its inputs are scaled by."""

    network: Network
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(
        cls, split: Split, parameters: dict[str, object], seed: int, device: str, threads: int
    ) -> "Net":
        """Fit on `split.train`, keep the epoch that is best on `split.valid`.

        Args:
            split: The examples.
            parameters: Fields of `Parameters`; an unknown one is an error.
            seed: Of the weights, of dropout and of the order of rows.
            device: `cpu` or `cuda`.
            threads: CPU threads.
        """
        chosen = parse(Parameters, parameters)
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        raw = _numbers(split.train.matrix)
        mean = raw.mean(dim=0)
        scale = raw.std(dim=0).clamp(min=1e-3)
        train = _tensors(split.train, raw, mean, scale, device)
        valid = _tensors(split.valid, _numbers(split.valid.matrix), mean, scale, device)
        network = Network(raw.shape[1], len(split.campaigns), chosen).to(device)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=chosen.learning_rate, weight_decay=chosen.weight_decay
        )
        steps = -(-len(split.train) // chosen.batch_size) * chosen.epochs
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        best, best_loss = network.state_dict(), float("inf")
        for epoch in range(1, chosen.epochs + 1):
            network.train()
            for picked in torch.randperm(len(split.train), generator=order).split(
                chosen.batch_size
            ):
                numbers, campaign, label, weight = (tensor[picked] for tensor in train)
                optimizer.zero_grad(set_to_none=True)
                _loss(network(numbers, campaign), label, weight).backward()
                optimizer.step()
                schedule.step()
            network.eval()
            with torch.inference_mode():
                logits = torch.cat(
                    [
                        network(numbers, campaign)
                        for numbers, campaign in zip(
                            valid[0].split(PREDICT_ROWS), valid[1].split(PREDICT_ROWS), strict=True
                        )
                    ]
                )
                loss = float(_loss(logits, valid[2], valid[3]))
            print(f"[epoch {epoch}/{chosen.epochs}] valid-logloss:{loss:.5f}", flush=True)
            if loss < best_loss:
                best_loss = loss
                best = {
                    name: value.detach().clone() for name, value in network.state_dict().items()
                }
        network.load_state_dict(best)
        return cls(network.cpu().eval(), mean, scale)

    @classmethod
    def load(cls, content: bytes) -> "Net":
        """A model from what `save` gave."""
        tensors = load_tensors(content)
        mean, scale = tensors.pop("scaling.mean"), tensors.pop("scaling.scale")
        hidden = sorted(
            (name for name in tensors if name.startswith("body.") and name.endswith(".weight")),
            key=lambda name: int(name.split(".")[1]),
        )
        embedding = tensors["embedding.weight"]
        chosen = Parameters(
            hidden=tensors[hidden[0]].shape[0],
            layers=len(hidden) - 1,
            embedding=embedding.shape[1],
        )
        network = Network(len(mean), embedding.shape[0] - 1, chosen)
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
                numbers = (_numbers(rows) - self.mean) / self.scale
                found.append(torch.sigmoid(self.network(numbers, _codes(rows)).double()).numpy())
        return np.concatenate(found) if found else np.empty(0)


def _numbers(matrix: Matrix) -> Tensor:
    """Features on a logarithmic scale, and for each whether it is missing: (rows, 2 × features).

    Counts and sums span five orders of magnitude; sums may be negative, so the sign is kept.
    """
    values = torch.from_numpy(np.ascontiguousarray(matrix[:, :-1]))
    missing = torch.isnan(values)
    filled = torch.where(missing, torch.zeros_like(values), values)
    logarithm = torch.sign(filled) * torch.log1p(filled.abs())
    return torch.cat([logarithm, missing.to(torch.float32)], dim=1)


def _codes(matrix: Matrix) -> Tensor:
    """Campaign codes from 1; 0 for a campaign that the model has never seen."""
    return torch.from_numpy(np.nan_to_num(matrix[:, -1] + 1, nan=0).astype(np.int64))


def _tensors(
    part: Part, raw: Tensor, mean: Tensor, scale: Tensor, device: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        ((raw - mean) / scale).to(device),
        _codes(part.matrix).to(device),
        torch.from_numpy(part.label).to(device),
        torch.from_numpy(part.weight).to(device),
    )


def _loss(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    losses = nn.functional.binary_cross_entropy_with_logits(logits, label, reduction="none")
    return (losses * weight).sum() / weight.sum()
