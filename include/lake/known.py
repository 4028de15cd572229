"""Take partitions away that say what was known: arrivals changed, or newer ones serve as well."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from include.contracts import Table
from include.contracts.known import KNOWN
from include.database.engine import engine
from include.lake.commit import commit
from include.lake.ledger import forget_partitions
from include.lake.lock import publishing
from include.lake.order import Change
from include.lake.tables import Lake

ALWAYS = 2
"""So many of the newest stay: the newest may be taken away any day by a correction."""


def overtaken(lake: Lake, todo: Sequence[Change]) -> list[tuple[Table, list[date]]]:
    """Partitions that no longer say what is about to be committed.

    Args:
        lake: The lake.
        todo: What is about to be committed.

    Returns:
        By table, the days; those stay of which the attempt found the rows unchanged.
    """
    by_table = {change.staged.table: change for change in todo}
    found = []
    for arrivals, contract in KNOWN.items():
        # What an older version built may be published by this one.
        lake.create(contract)
        change, own = by_table.get(arrivals), by_table.get(contract.name)
        if change is None or not change.changed:
            continue
        unchanged = {*own.numbers} - {*own.changed} if own else set()
        late = {day for day in lake.days(contract) if day >= min(change.changed)} - unchanged
        if late:
            found.append((contract, sorted(late)))
    return found


def thin_known(lake: Lake, known_days: int) -> dict[str, list[date]]:
    """Take away what was known long before the newest partition, under the lock of publications.

    Whoever asks what was known before the oldest that is left reads all arrivals: slower, but the
    same. Attempts that are under way read on in the snapshot that they began with.

    Args:
        lake: The lake.
        known_days: What was known by a day within so many before the newest stays.

    Returns:
        By table, the days that were taken away.
    """
    gone = {}
    warehouse = engine(lake.settings)
    with publishing(lake.settings):
        for contract in KNOWN.values():
            lake.create(contract)
            old = surplus(lake.days(contract), known_days)
            if old:
                with warehouse.begin() as connection:
                    forget_partitions(connection, contract.name, old)
                commit(lake, contract, old, (), {"job": "maintain_weekly"})
                gone[contract.name] = old
    return gone


def surplus(days: Collection[date], known_days: int) -> list[date]:
    """Days that are older than the newest by more than that, but never one of the newest two.

    Example:
        >>> sundays = [date(2026, 3, 1), date(2026, 3, 8), date(2026, 3, 15), date(2026, 5, 31)]
        >>> [f"{day}" for day in surplus(sundays, known_days=28)]
        ['2026-03-01', '2026-03-08']
    """
    ordered = sorted(days)
    return [day for day in ordered[:-ALWAYS] if day < ordered[-1] - timedelta(days=known_days)]
