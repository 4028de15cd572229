"""The manifest beside a model: everything that scoring must know, and where it came from."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from include.models.matrix import Layout

Family = Literal["xgboost", "torch"]
FIRST_DEFINITION = "double, version 1"
"""Of every feature of a manifest that doesn't say."""


class Manifest(BaseModel):
    """Saved as `manifest.json` beside the model's file."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    family: Family
    experiment: str
    parameters: dict[str, Any]
    """Of the family, defaults included."""
    best_iteration: int | None = None
    """Trees, or epochs, that the validation examples left of the fit."""
    features: tuple[str, ...]
    """Feature columns in the model's order; scoring refuses a table that lacks one."""
    definitions: dict[str, str] = {}
    """Type and version of each of these columns, as `Column.definition` has them; of one that isn't
    named, `FIRST_DEFINITION`."""
    campaigns: tuple[str, ...]
    """Campaigns by code."""
    categories: tuple[str, ...]
    """Categories by code."""
    seed: int
    device: str
    trained_through: date
    """The last day whose data had any part in the model, its choice included."""
    examples_snapshot_id: int | None
    snapshot_dates: dict[str, tuple[date, ...]]
    """Snapshot dates of each part of the split."""
    code_version: str
    image_digest: str
    model_file: str
    model_sha256: str

    @property
    def layout(self) -> Layout:
        """The columns of the model's matrix."""
        return Layout(self.features, self.campaigns, self.categories)
