"""Replace partitions of a table by staged files, in one Iceberg transaction."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date

from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import AlwaysFalse, BooleanExpression, Or

from include.contracts import Table
from include.days import Days
from include.errors import LakeError
from include.lake.staging import day_of
from include.lake.tables import Lake, between

log = logging.getLogger(__name__)

PROPERTY = "propensity."
"""Prefix of the snapshot properties that say which job, days and code made a snapshot."""

# Two neighbours that publish at once conflict now and then; each retry reloads and replays.
COMMIT_TRIES = 8


def commit(
    lake: Lake,
    contract: Table,
    days: Sequence[date],
    files: Sequence[str],
    properties: dict[str, str],
) -> int | None:
    """Replace the partitions of `days` by staged files, in one transaction.

    Safe to repeat, and beside others: each try looks at what the partitions hold then. Files that
    they hold already are not committed again, and none is ever there twice.

    Args:
        lake: The lake.
        contract: The table.
        days: Partitions to replace; days without a file become empty.
        files: Staged Parquet files, each with rows of one partition only.
        properties: Kept in the snapshot's summary, with the prefix `propensity.`.

    Returns:
        The snapshot that holds the files, or None for a table that stays empty.

    Raises:
        LakeError: A file belongs to another day, or others kept committing to the table for
            `COMMIT_TRIES` tries.
    """
    if strays := sorted(file for file in files if day_of(file) not in set(days)):
        raise LakeError(f"{contract.name}: {strays[0]} is of none of the days to be replaced")
    summary = {f"{PROPERTY}{key}": value for key, value in properties.items()}
    where = on_days(contract, days)

    def replace() -> None:
        table = lake.table(contract)
        held = Counter(task.file.file_path for task in table.scan(row_filter=where).plan_files())
        if held == Counter(files):
            return
        with table.transaction() as transaction:
            if held:
                transaction.delete(where, snapshot_properties=summary)
            if files:
                # What the partitions held is gone by now, and no file lies in two of them.
                transaction.add_files(
                    list(files), snapshot_properties=summary, check_duplicate_files=False
                )

    retried(replace, f"{contract.name}, {min(days)} to {max(days)}", COMMIT_TRIES)
    return lake.snapshot_id(contract)


def retried(commit: Callable[[], object], what: str, tries: int) -> None:
    """Commit, again and again where others commit to the same table at the same time.

    Raises:
        LakeError: Every try conflicted.
    """
    for number in range(tries):
        try:
            commit()
            return
        except (CommitFailedException, ValidationException) as error:
            log.warning("%s: the commit conflicted, try %d: %s", what, number + 1, error)
    raise LakeError(
        f"{what}: {tries} commits conflicted with others; nothing was changed: clear this task "
        "when the table is quieter"
    )


def on_days(contract: Table, days: Sequence[date]) -> BooleanExpression:
    """The Iceberg filter for the partitions of single days: a union of runs of neighbours."""
    runs: list[Days] = []
    for day in sorted(set(days)):
        if runs and (day - runs[-1].last).days == 1:
            runs[-1] = Days(runs[-1].first, day)
        else:
            runs.append(Days(day, day))
    if not runs:
        return AlwaysFalse()
    first, *rest = [between(contract, run) for run in runs]
    return Or(first, *rest) if rest else first
