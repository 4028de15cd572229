"""What a DAG may have to wait for. Each function says in words what is missing, or None."""

from collections.abc import Sequence
from datetime import date, timedelta

from include.config import load_config
from include.contracts.lineage import PAIR_FEATURES, REACH_DAYS
from include.database.engine import engine
from include.days import Days
from include.lake.ledger import (
    Stale,
    committed_by,
    committed_days,
    first_committed_day,
    stale_partitions,
)
from include.landing.zone import SUCCESS, TABLES, Landing
from include.settings import settings

DAILY_ACTIVITY = "features.user_category_daily"


def landed(day: str) -> str | None:
    """Wait for the source: every landing folder of the day has its `_SUCCESS`."""
    when = date.fromisoformat(day)
    folders = Landing(settings().landing_uri).incomplete(TABLES, Days(when, when))
    # Consumers read this, too (`predictions.freshness`): where the landing zone lies is not theirs.
    missing = ["/".join(folder.split("/")[-2:]) for folder in folders]
    return f"{', '.join(missing)}: no {SUCCESS} yet" if missing else None


def committed(day: str, tables: Sequence[str]) -> str | None:
    """Wait for other DAGs: the lake holds the day's partition of each table, and it isn't stale."""
    when = date.fromisoformat(day)
    only = Days(when, when)
    with engine(settings()).connect() as connection:
        found = {table: committed_by(connection, table, when) for table in tables}
        missing = [table for table, row in found.items() if row is None]
        if missing:
            return f"the lake has no {', '.join(missing)} of {day} yet"
        replaced = {t: row.attempt for t, row in found.items() if row and row.state != "committed"}
        if replaced:
            return (
                f"{', '.join(replaced)} of {day} are being replaced by attempt "
                f"{', '.join(sorted(set(replaced.values())))}; if its `publish` was cut off, clear "
                "that"
            )
        return _stale(stale_partitions(connection, tables, only))


def learnable(day: str) -> str | None:
    """Wait for other DAGs: nothing is stale of what the examples as of a day are made from."""
    training = load_config(settings()).experiments
    as_of = date.fromisoformat(day)
    reach = Days(as_of - timedelta(weeks=training.snapshot_weeks), as_of)
    features = PAIR_FEATURES
    if missing := committed(day, features):
        return missing
    with engine(settings()).connect() as connection:
        found = stale_partitions(connection, (*features, DAILY_ACTIVITY), reach)
    return _stale(
        [
            one
            for one in found
            if one.table_name == DAILY_ACTIVITY or training.is_snapshot_date(one.partition_date)
        ]
    )


def _stale(found: Sequence[Stale]) -> str | None:
    if not found:
        return None
    first = found[0]
    more = f" (and {len(found) - 1} more partitions)" if len(found) > 1 else ""
    return (
        f"{first.table_name} of {first.partition_date} is stale{more}: {first.because_table} of "
        f"{first.because_date} changed since it was made. Trigger refresh"
    )


def days_before(day: str) -> str | None:
    """Wait for our own past: no day is missing between the start of history and this one.

    Features sum a year up and duplicates are looked for in the days before, so a day that is built
    over a gap would be wrong, and nobody would see it.
    """
    when = date.fromisoformat(day)
    table = DAILY_ACTIVITY
    with engine(settings()).connect() as connection:
        start = first_committed_day(connection, table)
        if start is None or start >= when:
            return None
        first = max(start, when - timedelta(days=REACH_DAYS - 1))
        before = Days(first, when - timedelta(days=1))
        missing = sorted(set(before) - committed_days(connection, table, before))
        if not missing:
            return _stale(stale_partitions(connection, ("core.events", table), before))
    return (
        f"the lake lacks {len(missing)} of the {len(before)} days before {day}, the first is "
        f"{missing[0]}: run or backfill lake_daily from {missing[0]} on"
    )
