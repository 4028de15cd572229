"""Forget old snapshots, and delete the files that nothing refers to."""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pyarrow import fs
from pyiceberg.table import Table as IcebergTable

from include.config import load_config
from include.contracts import Table, lake_tables
from include.lake.commit import COMMIT_TRIES, retried
from include.lake.tables import Lake
from include.settings import settings
from include.store import system_of


def maintain_lake() -> None:
    """Forget old snapshots and delete files that nothing refers to, table by table."""
    config = load_config(settings())
    retention = config.warehouse.retention
    lake = Lake(settings())
    now = datetime.now(UTC)
    for contract in lake_tables(config.events.names).values():
        lake.create(contract)
        oldest = now - timedelta(days=retention.lake_snapshot_days)
        snapshots, files = expire(lake, contract, oldest)
        orphans = remove_orphans(lake, contract, now - timedelta(days=retention.staged_days))
        print(
            f"[maintain] {contract.name}: {snapshots} snapshots forgotten with {files} files, "
            f"{orphans} files that nothing referred to deleted",
            flush=True,
        )


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
    system, root = system_of(table.location())
    for uri in sorted(gone):
        # A second process may have expired the same.
        with contextlib.suppress(FileNotFoundError):
            system.delete_file(path_of(uri))
    _remove_empty_folders(system, (path_of(uri) for uri in gone), root)
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
    system, root = system_of(table.location())
    found = [
        info
        for info in system.get_file_info(fs.FileSelector(root, recursive=True))
        if info.type == fs.FileType.File
    ]
    # Listed first, asked second: what is committed meanwhile is among the referenced.
    kept = {path_of(uri) for uri in _referenced(lake.table(contract))}
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


def path_of(uri: str) -> str:
    """Path of a file as its file system knows it, without scheme."""
    return system_of(uri)[1]


def _remove_empty_folders(system: fs.FileSystem, paths: Iterable[str], root: str) -> None:
    if isinstance(system, fs.S3FileSystem):
        return  # it has none
    for deepest in sorted({path.rsplit("/", 1)[0] for path in paths}, reverse=True):
        folder = deepest
        while folder.startswith(f"{root}/") and _is_empty(system, folder):
            system.delete_dir(folder)
            folder = folder.rsplit("/", 1)[0]


def _is_empty(system: fs.FileSystem, folder: str) -> bool:
    if system.get_file_info(folder).type != fs.FileType.Directory:
        return False
    return not system.get_file_info(fs.FileSelector(folder))
