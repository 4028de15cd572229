"""`quality.yaml`: how much of a day may be bad, and how often users react."""

from typing import Self

from pydantic import Field, model_validator

from include.config.strict import Strict


class Share(Strict):
    """How large a share of a day's rows may be, 0-1."""

    at_most: float = Field(gt=0, le=1)
    """Above this a day isn't published."""
    times_usual: float = Field(gt=1)
    """Nor above this many times the median of the days before."""


class Shares(Strict):
    """What a day's landed rows are held to, whatever the rows themselves say."""

    rejected: Share
    """Of landed events, users or listings."""
    duplicate: Share
    """Of landed events."""
    unknown_category: Share
    """Of accepted events: their listing wasn't known, or had no category."""
    late: Share
    """Of accepted events: they happened on a day before the one of their arrival."""
    usual_days: int = Field(ge=7, le=400)
    """What is usual is the median of this many days before."""
    usual_at_least: float = Field(ge=0, le=1)
    """No share below this is too large for `times_usual`."""
    min_rows: int = Field(ge=1)
    """A day with fewer landed rows only fails if all of them were rejected."""


class Reactions(Strict):
    """Bounds of the share of user × campaign pairs with a reaction, 0-1."""

    at_least: float = Field(ge=0, lt=1)
    at_most: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.at_least >= self.at_most:
            raise ValueError(f"at_least ({self.at_least}) is not below at_most ({self.at_most})")
        return self


class Quality(Strict):
    """What the gate holds a day to, beyond what each row is held to."""

    shares: Shares
    reactions: Reactions
