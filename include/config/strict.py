"""What all models of configuration files have in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Unknown keys are errors; what was loaded doesn't change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
