"""Data days: the identity of all work in the pipeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, order=True)
class Days:
    """A range of data days, both ends included.

    Raises:
        ValueError: The last day lies before the first.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse an empty range: it is always a mistake of the caller."""
        if self.last < self.first:
            raise ValueError(
                f"the range of days ends ({self.last}) before it starts ({self.first})"
            )

    def __iter__(self) -> Iterator[date]:
        """Each day, in order."""
        for offset in range(len(self)):
            yield self.first + timedelta(days=offset)

    def __len__(self) -> int:
        """Number of days, at least 1."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        """Whether `day` lies in the range."""
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        """`2017-01-01` for one day, `2017-01-01..2017-12-24` for a range."""
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"


def until(day: date) -> Days:
    """Everything up to and including `day`; for reading what was known then."""
    return Days(date(1970, 1, 1), day)
