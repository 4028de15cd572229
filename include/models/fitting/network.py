"""A neural network: numbers and embeddings of campaign and category, through dense layers."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from include.models.matrix import CATEGORICAL


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
