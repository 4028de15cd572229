"""Which days have features, and which of them are snapshot dates, whose examples are learnt from.

A snapshot date is a day that features are as of and labels follow; the lake's snapshots, which have
ids, are another thing.
"""

from collections.abc import Callable
from datetime import date, timedelta

from include.days import Days


def feature_dates(days: Days, is_snapshot_date: Callable[[date], bool], weeks: int) -> list[date]:
    """The days of a range whose features are built: its last day, and snapshot dates before it.

    A single day is its own last day, so day by day every day gets features; a load of a year of
    history makes only those that training as of its last day, or the next scoring, reads.

    Args:
        days: The range.
        is_snapshot_date: Which days are, as `Experiments.is_snapshot_date` says.
        weeks: How many weeks before the last day snapshot dates are used.

    Example:
        The Sundays of two weeks, and the Wednesday that the range ends with; or its Wednesdays:

        >>> march = Days(date(2026, 3, 1), date(2026, 3, 18))
        >>> [f"{day}" for day in feature_dates(march, lambda day: day.weekday() == 6, weeks=2)]
        ['2026-03-08', '2026-03-15', '2026-03-18']
        >>> [f"{day}" for day in feature_dates(march, lambda day: day.weekday() == 2, weeks=2)]
        ['2026-03-04', '2026-03-11', '2026-03-18']
    """
    oldest = days.last - timedelta(weeks=weeks)
    return [day for day in days if (is_snapshot_date(day) and day >= oldest) or day == days.last]


def matured_snapshot_dates(
    as_of: date,
    is_snapshot_date: Callable[[date], bool],
    weeks: int,
    horizon_days: int,
    available: set[date],
) -> list[date]:
    """Snapshot dates whose label window is complete at the end of `as_of`, oldest first.

    Args:
        as_of: Last day whose data is known.
        is_snapshot_date: Which days are, as `Experiments.is_snapshot_date` says.
        weeks: How far back to go from `as_of`.
        horizon_days: The longest horizon of all campaigns.
        available: Days that have features.

    Example:
        As of Sunday the 29th, the week after the 22nd is complete, that after the 29th isn't:

        >>> sundays = {date(2026, 3, 8), date(2026, 3, 15), date(2026, 3, 22), date(2026, 3, 29)}
        >>> matured = matured_snapshot_dates(
        ...     date(2026, 3, 29), lambda day: True, weeks=2, horizon_days=7, available=sundays
        ... )
        >>> [f"{day}" for day in matured]
        ['2026-03-15', '2026-03-22']
    """
    days = Days(as_of - timedelta(weeks=weeks), as_of - timedelta(days=horizon_days))
    return [day for day in days if is_snapshot_date(day) and day in available]
