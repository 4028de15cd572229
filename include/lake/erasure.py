"""Take the rows of one user out of a lake table, and keep the user out of what is built later."""

import contextlib
import json
import re
from collections import Counter
from datetime import date

import pyarrow as pa
from pyiceberg.expressions import BooleanExpression, EqualTo, In

from include.contracts import Table
from include.contracts.core import ERASED_USERS
from include.lake.commit import COMMIT_TRIES, retried
from include.lake.tables import Lake

RAW_USER = re.compile(r'"user_id\\?"\s*:\s*\\?"?(\d{1,19})')


def erased_users(lake: Lake) -> set[int]:
    """Who was erased, by the lake's list."""
    return set(lake.arrow(ERASED_USERS, columns=("user_id",)).column("user_id").to_pylist())


def remember_erased(lake: Lake, user_id: int, day: date) -> None:
    """Keep a user out of everything that is built from now on. Repeating it changes nothing."""
    lake.create(ERASED_USERS)
    row = {"user_id": [user_id], "erased_date": [day]}

    def remember() -> None:
        if user_id not in erased_users(lake):
            lake.table(ERASED_USERS).append(pa.table(row, schema=ERASED_USERS.arrow_schema()))

    retried(remember, f"remembering user {user_id} in {ERASED_USERS.name}", COMMIT_TRIES)


def erase_rows(lake: Lake, contract: Table, user_id: int) -> dict[date, int]:
    """Rewrite the partitions that hold rows of a user, without them.

    Older snapshots still hold them, until `upkeep.expire` ran.

    Returns:
        Rows removed, by partition.
    """
    lake.create(contract)
    found = _rows_of(lake, contract, user_id)
    if found:
        # Another commit in between is not ours to lose: each try starts from what is there then.
        retried(
            lambda: lake.table(contract).delete(_condition(lake, contract, user_id)),
            f"erasing from {contract.name}",
            COMMIT_TRIES,
        )
    return dict(found)


def _rows_of(lake: Lake, contract: Table, user_id: int) -> Counter[date]:
    table = lake.table(contract)
    if table.current_snapshot() is None:
        return Counter()
    scan = table.scan(row_filter=_condition(lake, contract, user_id),
                      selected_fields=(contract.partition,))  # fmt: skip
    return Counter(scan.to_arrow().column(contract.partition).to_pylist())


def _condition(lake: Lake, contract: Table, user_id: int) -> BooleanExpression:
    if "user_id" in contract.column_names:
        return EqualTo("user_id", user_id)  # type: ignore[call-arg,arg-type]
    raw = {
        text
        for batch in lake.batches(contract, columns=("raw",))
        for text in batch.column("raw").to_pylist()
        if text is not None and said_user(text) == user_id
    }
    return In("raw", raw)  # type: ignore[call-arg,arg-type]


def said_user(raw: str) -> int | None:
    """The user that a refused row names, however broken it is; None if it names none."""
    with contextlib.suppress(ValueError):
        row = json.loads(raw)
        said = row.get("user_id") if isinstance(row, dict) else None
        if said is not None and str(said).strip().isdigit():
            return int(str(said).strip())
    match = RAW_USER.search(raw)
    return int(match.group(1)) if match else None
