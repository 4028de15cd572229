"""Data days: the identity of all work in the pipeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

FIRST_AT, LAST_AT = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""Beyond these a moment has no day in every time zone: Python's years are 1 to 9999."""


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


def start_of(day: date, time_zone: str) -> datetime:
    """The moment at which a data day begins, in UTC: its first, where clocks change at midnight.

    Example:
        >>> start_of(date(2026, 3, 10), "America/Sao_Paulo").isoformat()
        '2026-03-10T03:00:00+00:00'
        >>> start_of(date(2018, 11, 4), "America/Sao_Paulo").isoformat()
        '2018-11-04T03:00:00+00:00'
    """
    # In its own zone, a midnight that no clock showed, or showed twice, equals no other moment.
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone))
    return midnight.astimezone(UTC)


def day_of(moment: datetime, time_zone: str) -> date:
    """The data day that a moment lies in.

    Args:
        moment: With its time zone.
        time_zone: Of the data days.

    Example:
        >>> evening = datetime.fromisoformat("2026-03-10T23:30:00-03:00")
        >>> f"{day_of(evening, 'America/Sao_Paulo')}", f"{day_of(evening, 'UTC')}"
        ('2026-03-10', '2026-03-11')
    """
    return moment.astimezone(ZoneInfo(time_zone)).date()


def until(day: date) -> Days:
    """Everything up to and including `day`; for reading what was known then."""
    return Days(date(1970, 1, 1), day)
