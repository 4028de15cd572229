"""What a DAG may have to wait for. Each function says in words what is missing, or None."""

from collections.abc import Sequence
from datetime import date, timedelta

from include.contracts.features import LONGEST_WINDOW_DAYS
from include.database.engine import engine
from include.days import Days
from include.lake.ledger import committed_days, first_committed_day
from include.landing.zone import SUCCESS, TABLES, Landing
from include.settings import settings


def landed(day: str) -> str | None:
    """Wait for the source: every landing folder of the day has its `_SUCCESS`."""
    when = date.fromisoformat(day)
    folders = Landing(settings().landing_uri).incomplete(TABLES, Days(when, when))
    # Consumers read this, too (`predictions.freshness`): where the landing zone lies is not theirs.
    missing = ["/".join(folder.split("/")[-2:]) for folder in folders]
    return f"{', '.join(missing)}: no {SUCCESS} yet" if missing else None


def committed(day: str, tables: Sequence[str]) -> str | None:
    """Wait for other DAGs: the lake holds the day's partition of every table."""
    when = date.fromisoformat(day)
    with engine(settings()).connect() as connection:
        missing = [
            table for table in tables if not committed_days(connection, table, Days(when, when))
        ]
    return f"the lake has no {', '.join(missing)} of {day} yet" if missing else None


def days_before(day: str) -> str | None:
    """Wait for our own past: no day is missing between the start of history and this one.

    Features sum 84 days up and duplicates are looked for in the days before, so a day that is built
    over a gap would be wrong, and nobody would see it.
    """
    when = date.fromisoformat(day)
    table = "features.user_category_daily"
    with engine(settings()).connect() as connection:
        start = first_committed_day(connection, table)
        if start is None or start >= when:
            return None
        first = max(start, when - timedelta(days=LONGEST_WINDOW_DAYS - 1))
        before = Days(first, when - timedelta(days=1))
        missing = sorted(set(before) - committed_days(connection, table, before))
    if not missing:
        return None
    return (
        f"the lake lacks {len(missing)} of the {len(before)} days before {day}, the first is "
        f"{missing[0]}: run or backfill lake_daily from {missing[0]} on"
    )
