"""What all models of configuration files have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A name that becomes part of column names, file names and labels."""


class Strict(BaseModel):
    """Unknown keys are errors; what was loaded doesn't change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def unique(what: str, names: list[str]) -> None:
    """Refuse duplicate names.

    Raises:
        ValueError: A name is given twice; the text says which.
    """
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} {', '.join(duplicates)} is given twice")
