"""Erase a user everywhere, and say what was removed where."""

from datetime import UTC, datetime, timedelta
from typing import Any

from include.audience.places import places_of
from include.audience.warehouse_erasure import begin, erase_predictions, finish
from include.config import load_config
from include.contracts import lake_tables
from include.contracts.core import ERASED_USERS
from include.database.engine import engine
from include.errors import LakeError
from include.lake.erasure import erase_rows, remember_erased
from include.lake.ledger import record_erased
from include.lake.lock import publishing
from include.lake.tables import Lake
from include.lake.upkeep import expire, remove_orphans
from include.settings import settings

STAGED_FOR = timedelta(hours=1)
"""Staged files of attempts younger than this are left to their attempts."""
PASSES = 3
"""A job that was about to commit when the erasure began may bring rows in once more."""


def erase_contact(user_id: int, requested_by: str) -> int:
    """Delete contact data and keep the user out from now on; this comes first."""
    with engine(settings()).begin() as connection:
        removed = begin(connection, user_id, requested_by)
    # Whoever publishes at this moment has looked at the list already: what they bring is found by
    # `erase_lake`, once they are done. Whoever comes later is refused.
    with publishing(settings()):
        remember_erased(Lake(settings()), user_id, datetime.now(UTC).date())
    print(f"[erase] user {user_id}: contact data is gone ({removed} rows)", flush=True)
    return removed


def erase_lake(user_id: int) -> dict[str, Any]:
    """Rewrite every lake table without the user, and forget the snapshots that still held them.

    Returns:
        Rows, snapshots and files removed, by table.

    Raises:
        LakeError: Others kept adding rows of the user, or committing.
    """
    lake = Lake(settings())
    report: dict[str, Any] = {}
    for contract in lake_tables(load_config(settings()).events.names).values():
        if contract == ERASED_USERS or not ({"user_id", "raw"} & set(contract.column_names)):
            continue
        rows = 0
        for _ in range(PASSES):
            removed = erase_rows(lake, contract, user_id)
            if not removed:
                break
            rows += sum(removed.values())
            with engine(settings()).begin() as connection:
                record_erased(connection, contract.name, removed, lake.snapshot_id(contract))
        else:
            raise LakeError(
                f"{contract.name} got rows of user {user_id} again and again while they were "
                "erased: clear this task once lake_daily is through"
            )
        # Whether or not rows were found now: an attempt that was killed may have rewritten already.
        snapshots, files = expire(lake, contract, datetime.now(UTC))
        # Of attempts that are over: a running one may be about to commit its files, and will be
        # refused, since it was built before.
        files += remove_orphans(lake, contract, datetime.now(UTC) - STAGED_FOR)
        report[contract.name] = {"rows": rows, "snapshots": snapshots, "files": files}
        print(
            f"[erase] {contract.name}: {rows} rows, {snapshots} snapshots, {files} files removed",
            flush=True,
        )
    return report


def erase_warehouse(user_id: int, contacts: int, lake_report: dict[str, Any]) -> dict[str, Any]:
    """Delete the user from every version of the predictions, and store the report.

    Returns:
        The report: rows of contact data, what was removed from the lake and the warehouse, and
        where a search still found the user.
    """
    report = {
        "pii.contacts": contacts,
        "lake": lake_report,
        "warehouse": erase_predictions(engine(settings()), user_id),
        "left": places_of(settings(), user_id),
    }
    with engine(settings()).begin() as connection:
        finish(connection, user_id, report)
    print(f"[erase] user {user_id}: {report}", flush=True)
    return report
