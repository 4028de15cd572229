"""What all models of configuration files have in common."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator


def _name(value: Any) -> Any:
    if not (isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value)):
        raise ValueError(
            f"{value!r} is no name: a name has at most 40 small letters, digits and underscores, "
            "and begins with a letter"
        )
    return value


Name = Annotated[str, BeforeValidator(_name)]
"""A name that becomes part of column names, file names and labels."""


class Strict(BaseModel):
    """Unknown keys are errors, and numbers are numbers; what was loaded doesn't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError(f"YAML reads it as {str(value).lower()}, which is no number")
        return value


def unique(what: str, names: list[str]) -> None:
    """Refuse duplicate names.

    Raises:
        ValueError: A name is given twice; the text says which.
    """
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} {', '.join(duplicates)} is given twice")
