"""Take partitions away that say what was known, once arrivals that they were made from changed."""

from collections.abc import Sequence
from datetime import date

from include.contracts import Table
from include.contracts.known import KNOWN
from include.lake.order import Change
from include.lake.tables import Lake


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
        change, own = by_table.get(arrivals), by_table.get(contract.name)
        if change is None or not change.changed:
            continue
        unchanged = {*own.numbers} - {*own.changed} if own else set()
        late = {day for day in lake.days(contract) if day >= min(change.changed)} - unchanged
        if late:
            found.append((contract, sorted(late)))
    return found
