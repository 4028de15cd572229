"""Whether what an attempt staged may be committed: rows end as if days had been built in order.

Every table counts its commits (`Pin.number`). A receipt says how far each table was when its
attempt began; the ledger says for each partition which commit changed its rows last. So whatever
changed in between is known, whoever changed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from include.contracts import Table
from include.contracts.known import KNOWN
from include.contracts.lineage import Reads
from include.database.tables.lake import LakePartition
from include.days import Days
from include.errors import StaleError
from include.lake.content import unchanged_days
from include.lake.ledger import partitions
from include.lake.receipts import Receipt, StagedTable
from include.lake.tables import Lake

SHORTCUTS = {contract.name for contract in KNOWN.values()}


@dataclass(frozen=True)
class Change:
    """What is to be done for a table that an attempt staged."""

    staged: StagedTable
    numbers: Mapping[date, int]
    """Partitions that the attempt is noted for, with the commit that changed them last so far."""
    changed: tuple[date, ...]
    """Those of them whose rows are to be replaced."""


def changes(
    connection: Connection,
    lake: Lake,
    contracts: Mapping[str, Table],
    lineage: Sequence[Reads],
    receipt: Receipt,
) -> list[Change]:
    """What of a receipt isn't there yet, table by table. Needs the lock of publications.

    Args:
        connection: The warehouse.
        lake: The lake.
        contracts: Of all lake tables, by name.
        lineage: What tables are made from.
        receipt: What an attempt staged.

    Raises:
        StaleError: A partition was committed since the attempt began, by another one and with other
            rows; or something that it was made from changed since. (Of a table that is only a
            shorter way to read others, nothing is to be done then.)
    """
    found = []
    for staged in receipt.tables:
        try:
            change = _change(connection, lake, contracts[staged.table], receipt, staged)
            for reads in lineage:
                if change and reads.table_name == staged.table:
                    _refuse_changed_inputs(connection, receipt, reads, list(change.numbers))
        except StaleError as error:
            if staged.table not in SHORTCUTS:
                raise
            # Nobody needs it, so it keeps nobody from publishing the rest.
            print(
                f"[publish] {staged.table} is left out: {error}. Of this table, nothing is to "
                "be done: all else is published, and nights read more arrivals instead.",
                flush=True,
            )
            continue
        if change:
            found.append(change)
    return found


def _change(
    connection: Connection, lake: Lake, contract: Table, receipt: Receipt, staged: StagedTable
) -> Change | None:
    known = partitions(connection, staged.table, Days(min(staged.days), max(staged.days)))
    began = _number(receipt, staged.table)
    numbers, unfinished, others = {}, [], []
    for day in staged.days:
        row = known.get(day)
        if row is not None and row.attempt == receipt.attempt:
            if row.state == "committed":
                continue
            unfinished.append(day)  # cut off: perhaps before the commit, perhaps after it
        else:
            others.append(day)
        numbers[day] = row.content_number if row else 0
    same = unchanged_days(lake, contract, others, staged.files_of(others))
    changed = [day for day in others if day not in same]
    for day in changed:
        _refuse_older(lake, contract, receipt, began, known.get(day), day)
    for day in same:
        row = known.get(day)
        if row is not None and row.state != "committed":
            # Cut off in another attempt's hands: these rows may have come with its commit.
            numbers[day] = lake.pin(contract).number
        elif row is not None and _is_newer(row, receipt, began):
            # Made later than this, of the same rows: that is how fresh they are.
            del numbers[day]
    return Change(staged, numbers, (*unfinished, *changed)) if numbers else None


def _number(receipt: Receipt, table: str) -> int:
    try:
        return receipt.table_numbers[table]
    except KeyError:
        raise StaleError(
            f"{receipt.job} of {receipt.days} was built by an older version of the code and was "
            "not published: clear `build`"
        ) from None


def _refuse_older(
    lake: Lake,
    contract: Table,
    receipt: Receipt,
    began: int,
    row: LakePartition | None,
    day: date,
) -> None:
    if row is None:
        return
    # What another attempt was cut off in may have come as late as the table's last commit.
    is_cut_off = row.state != "committed"
    if lake.pin(contract).number > began if is_cut_off else _is_newer(row, receipt, began):
        raise StaleError(
            f"{receipt.job} of {receipt.days} was not published: attempt {row.attempt} replaced "
            f"{contract.name} of {day} after this one ({receipt.attempt}) had begun. What is there "
            "stays; if this run is to replace it, clear `build`"
        )


def _is_newer(row: LakePartition, receipt: Receipt, began: int) -> bool:
    """Whether another attempt was noted for a partition after this one began.

    Its rows may be those that were there before: then no commit tells, and its time does.
    """
    is_noted_since = receipt.began_at is not None and row.committed_at > receipt.began_at
    return row.content_number > began or is_noted_since


def _refuse_changed_inputs(
    connection: Connection, receipt: Receipt, reads: Reads, made: Sequence[date]
) -> None:
    own = {day for t in receipt.tables if t.table == reads.input_table for day in t.days}
    began = _number(receipt, reads.input_table)
    known = partitions(connection, reads.input_table, reads.reach(min(made), max(made)))
    for day, row in sorted(known.items()):
        is_cut_off = row.state != "committed" and row.attempt != receipt.attempt
        if day in own or not (row.content_number > began or is_cut_off):
            continue
        concerned = [one for one in made if day in reads.reach(one, one)]
        if concerned:
            raise StaleError(
                f"{receipt.job} of {receipt.days} was not published: {reads.table_name} of "
                f"{concerned[0]} is made from {reads.input_table} of {day}, "
                + (
                    "which is being replaced, or whose `publish` was cut off: clear that, then "
                    if is_cut_off
                    else f"which attempt {row.attempt} replaced after this one had begun: "
                )
                + "clear `build`"
            )
