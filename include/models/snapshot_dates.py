"""Which days have features, and which of them become training snapshots."""

from datetime import date, timedelta

from include.days import Days


def feature_dates(days: Days, weekday: int, weeks: int) -> list[date]:
    """The days of a range whose features are built: its last day, and snapshots before it.

    A single day is its own last day, so day by day every day gets features; a load of a year of
    history makes only those that training as of its last day, or the next scoring, reads.

    Args:
        days: The range.
        weekday: Weekday of snapshots, Monday = 0.
        weeks: How many weeks before the last day snapshots are used.
    """
    oldest = days.last - timedelta(weeks=weeks)
    return [day for day in days if (day.weekday() == weekday and day >= oldest) or day == days.last]


def matured_snapshots(
    as_of: date, weekday: int, weeks: int, horizon_days: int, available: set[date]
) -> list[date]:
    """Weekly snapshots whose label window is complete at the end of `as_of`, oldest first.

    Args:
        as_of: Last day whose data is known.
        weekday: Weekday of snapshots, Monday = 0.
        weeks: How far back to go from `as_of`.
        horizon_days: The longest horizon of all campaigns.
        available: Days that have features.
    """
    days = Days(as_of - timedelta(weeks=weeks), as_of - timedelta(days=horizon_days))
    return [day for day in days if day.weekday() == weekday and day in available]
