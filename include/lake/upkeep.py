"""Forget old snapshots, and delete the files that nothing refers to."""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pyarrow import fs
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table as IcebergTable

from include.contracts import Table
from include.lake.commit import COMMIT_TRIES, retried
from include.lake.lock import publishing
from include.lake.tables import Lake
from include.store import files_below, system_of


def expire(lake: Lake, contract: Table, before: datetime) -> tuple[int, int]:
    """Forget snapshots older than a point in time, and delete what only they referred to.

    The current snapshot always stays. A reader of an older one fails from now on.

    Returns:
        Snapshots forgotten, files deleted.
    """
    table = lake.table(contract)
    current = table.metadata.current_snapshot_id
    old = {
        snapshot.snapshot_id
        for snapshot in table.metadata.snapshots
        if snapshot.snapshot_id != current
        and datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) < before
    }
    if not old:
        return 0, 0
    referred: set[str] = set()

    def forget() -> None:
        table = lake.table(contract)
        left = [one.snapshot_id for one in table.metadata.snapshots if one.snapshot_id in old]
        try:
            referred.update(_referenced(table))
            if left:
                table.maintenance.expire_snapshots().by_ids(left).commit()
        # Missing files, and snapshots that aren't there.
        except (FileNotFoundError, ValueError) as error:
            raise CommitFailedException(f"somebody else forgets them, too: {error}") from error

    retried(forget, f"expiring snapshots of {contract.name}", COMMIT_TRIES)
    # The log of old metadata files is the catalog's to shorten: it names snapshots, no rows.
    gone = referred - _referenced_now(lake, contract)
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
    found = files_below(system, root)
    newest: dict[str, datetime] = {}
    for info in found:
        group = _group(info.path, root)
        newest[group] = max(newest.get(group, info.mtime), info.mtime)
    old = [info.path for info in found if newest[_group(info.path, root)] < before]
    if not (orphans := _unreferenced(lake, contract, old)):
        return 0
    # An attempt of long ago may be published at this moment: under the lock, it is or it isn't.
    with publishing(lake.settings):
        orphans = _unreferenced(lake, contract, orphans)
        for path in orphans:
            with contextlib.suppress(FileNotFoundError):
                system.delete_file(path)
    _remove_empty_folders(system, orphans, root)
    return len(orphans)


def _unreferenced(lake: Lake, contract: Table, paths: Sequence[str]) -> list[str]:
    kept = {path_of(uri) for uri in _referenced_now(lake, contract)}
    return [path for path in paths if path not in kept]


def _group(path: str, root: str) -> str:
    """Files of one staging attempt share their age; others have their own."""
    parts = path.removeprefix(root).strip("/").split("/")
    return "/".join(parts[:2]) if parts[0] == "staged" else path


def _referenced_now(lake: Lake, contract: Table) -> set[str]:
    for _ in range(COMMIT_TRIES):
        # Somebody else may forget snapshots while their manifests are read.
        with contextlib.suppress(FileNotFoundError):
            return set(_referenced(lake.table(contract)))
    return set(_referenced(lake.table(contract)))


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
    if not isinstance(system, fs.LocalFileSystem):
        return  # a store has none
    for deepest in {Path(path).parent for path in paths}:
        for folder in (deepest, *deepest.parents):
            if not folder.is_relative_to(root) or folder == Path(root):
                break
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue  # with another path, or by somebody else
            except OSError:
                break  # it holds others, perhaps since this moment
