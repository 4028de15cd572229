"""Take things out of the lake for good: rows of one user, old snapshots, files nobody refers to."""

import contextlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime

import pyarrow as pa
from pyarrow import fs
from pyiceberg.expressions import BooleanExpression, EqualTo, In
from pyiceberg.table import Table as IcebergTable

from include.contracts import Table
from include.contracts.core import ERASED_USERS
from include.lake import COMMIT_TRIES, Lake, retried

log = logging.getLogger(__name__)

RAW_USER = re.compile(r'"user_id\\?"\s*:\s*\\?"?(\d{1,19})')


def remember_erased(lake: Lake, user_id: int, day: date) -> None:
    """Keep a user out of everything that is built from now on. Repeating it changes nothing."""
    lake.create(ERASED_USERS)
    known = lake.arrow(ERASED_USERS, columns=("user_id",)).column("user_id").to_pylist()
    if user_id not in known:
        row = {"user_id": [user_id], "erased_date": [day]}
        lake.table(ERASED_USERS).append(pa.table(row, schema=ERASED_USERS.arrow_schema()))


def erase_rows(lake: Lake, contract: Table, user_id: int) -> dict[date, int]:
    """Rewrite the partitions that hold rows of a user, without them.

    Older snapshots still hold them, until `expire` ran.

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


def expire(lake: Lake, contract: Table, before: datetime) -> tuple[int, int]:
    """Forget snapshots older than a point in time, and delete what only they referred to.

    The current snapshot always stays. A reader of an older one fails from now on.

    Returns:
        Snapshots forgotten, files deleted.
    """
    table = lake.table(contract)
    current = table.metadata.current_snapshot_id
    old = [
        snapshot.snapshot_id
        for snapshot in table.metadata.snapshots
        if snapshot.snapshot_id != current
        and datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) < before
    ]
    if not old:
        return 0, 0
    referred = set(_referenced(table))
    retried(
        lambda: lake.table(contract).maintenance.expire_snapshots().by_ids(old).commit(),
        f"expiring snapshots of {contract.name}",
        COMMIT_TRIES,
    )
    # The log of old metadata files is the catalog's to shorten: it names snapshots, no rows.
    gone = referred - set(_referenced(lake.table(contract)))
    gone = {uri for uri in gone if not uri.endswith(".metadata.json")}
    system, root = fs.FileSystem.from_uri(table.location())
    for uri in sorted(gone):
        # A second process may have expired the same.
        with contextlib.suppress(FileNotFoundError):
            system.delete_file(_path(uri))
    _remove_empty_folders(system, (_path(uri) for uri in gone), root)
    return len(old), len(gone)


def remove_orphans(lake: Lake, contract: Table, before: datetime) -> int:
    """Delete files below a table that no snapshot refers to and nobody is working on.

    Args:
        lake: The lake.
        contract: The table.
        before: Attempts with a file younger than this are left alone, whole: they may be running,
            or wait at a gate for a person.

    Returns:
        Files deleted.
    """
    table = lake.table(contract)
    system, root = fs.FileSystem.from_uri(table.location())
    found = [
        info
        for info in system.get_file_info(fs.FileSelector(root, recursive=True))
        if info.type == fs.FileType.File
    ]
    # Listed first, asked second: what is committed meanwhile is among the referenced.
    kept = {_path(uri) for uri in _referenced(lake.table(contract))}
    newest: dict[str, datetime] = {}
    for info in found:
        group = _group(info.path, root)
        newest[group] = max(newest.get(group, info.mtime), info.mtime)
    orphans = [
        info.path
        for info in found
        if info.path not in kept and newest[_group(info.path, root)] < before
    ]
    for path in orphans:
        system.delete_file(path)
    _remove_empty_folders(system, orphans, root)
    return len(orphans)


def _group(path: str, root: str) -> str:
    """Files of one staging attempt share their age; others have their own."""
    parts = path.removeprefix(root).strip("/").split("/")
    return "/".join(parts[:2]) if parts[0] == "staged" else path


def _referenced(table: IcebergTable) -> Iterable[str]:
    """URIs of everything that the table's metadata leads to."""
    yield table.metadata_location
    for old in table.metadata.metadata_log:
        yield old.metadata_file
    # Neighbouring snapshots share most manifests: each is read once.
    manifests = {}
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list
        manifests.update({m.manifest_path: m for m in snapshot.manifests(table.io)})
    for path, manifest in manifests.items():
        yield path
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            yield entry.data_file.file_path
    for statistics in table.metadata.statistics:
        yield statistics.statistics_path


def _path(uri: str) -> str:
    return str(fs.FileSystem.from_uri(uri)[1])


def _remove_empty_folders(system: fs.FileSystem, paths: Iterable[str], root: str) -> None:
    for deepest in sorted({path.rsplit("/", 1)[0] for path in paths}, reverse=True):
        folder = deepest
        while folder.startswith(f"{root}/") and _is_empty(system, folder):
            system.delete_dir(folder)
            folder = folder.rsplit("/", 1)[0]


def _is_empty(system: fs.FileSystem, folder: str) -> bool:
    if system.get_file_info(folder).type != fs.FileType.Directory:
        return False
    return not system.get_file_info(fs.FileSelector(folder))
