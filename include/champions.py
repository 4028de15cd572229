"""Which model version was champion on which day; the warehouse keeps the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Reign:
    """One entry of the history: from a data day on, a version is champion."""

    champion_id: int
    """Later entries have higher numbers, and win where days are equal."""
    from_date: date
    version: str


def champion_on(history: Sequence[Reign], day: date) -> Reign | None:
    """The entry that holds on a data day: of those that began by then, the newest."""
    begun = [reign for reign in history if reign.from_date <= day]
    return max(begun, key=lambda reign: (reign.from_date, reign.champion_id), default=None)
