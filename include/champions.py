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
    is_rollback: bool = False
    """Whether a person brought it back, rather than a training run."""


def champion_on(history: Sequence[Reign], day: date) -> Reign | None:
    """The entry that holds on a data day: of those that began by then, the newest."""
    begun = [reign for reign in history if reign.from_date <= day]
    return max(begun, key=lambda reign: (reign.from_date, reign.champion_id), default=None)


def champion_before(history: Sequence[Reign], now: Reign) -> Reign | None:
    """Whom a rollback brings back: the entry of another version that `now` took over from."""
    earlier = [
        reign
        for reign in history
        if reign.version != now.version
        and (reign.from_date, reign.champion_id) < (now.from_date, now.champion_id)
    ]
    return max(earlier, key=lambda reign: (reign.from_date, reign.champion_id), default=None)
