"""Data Docs of attempts: one copy of what all pages share, and none of attempts of no interest."""

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ASSETS = "static"
"""Of a site: styles, scripts, fonts and pictures, 4 MB that all attempts' pages have in common."""
SHARED = "_static-"
"""Begins the name of the folder beside the jobs' that holds them, once a version."""


def share_assets(site: Path, shared: Path) -> None:
    """Let a site's assets be a link to one copy of them; where links can't be, they stay.

    Args:
        site: Folder of a site that was written just now.
        shared: The copy, of the same version; made of the site's own if missing.
    """
    own, link = site / ASSETS, site / f"{ASSETS}.link"
    with contextlib.suppress(OSError):
        link.symlink_to(os.path.relpath(shared, site), target_is_directory=True)
    if not link.is_symlink():
        return
    # Suppressed: a neighbour was quicker. What is there is whole, since a folder is moved at once.
    with contextlib.suppress(OSError):
        own.rename(shared)
    if own.exists() and shared.is_dir():
        shutil.rmtree(own)
    if own.exists():
        link.unlink()
    else:
        link.rename(own)


def prune_docs(
    root: Path,
    needed: Collection[str],
    passed: Collection[str],
    *,
    running_since: datetime,
    failed_since: datetime,
) -> int:
    """Delete Data Docs of attempts that nobody will ask about.

    Args:
        root: Folder of the Data Docs, with `<job>/<days>/<attempt>` below it.
        needed: Attempts that stay however old they are.
        passed: Attempts that passed their gate; if no other reason keeps them, they go.
        running_since: Attempts with a younger file stay: they may be running, or wait at a gate.
        failed_since: Attempts that didn't pass stay if they have a younger file.

    Returns:
        Attempts whose Data Docs are gone.
    """
    gone = 0
    for folder in _attempts(root):
        if folder.name in needed:
            continue
        since = running_since if folder.name in passed else min(running_since, failed_since)
        if _newest(folder) >= since:
            continue
        # Somebody else may be at it, too; whatever is left is deleted the next time.
        shutil.rmtree(folder, onerror=_unless_gone)
        gone += 1
        for above in (folder.parent, folder.parent.parent):
            with contextlib.suppress(OSError):  # it holds others
                above.rmdir()
    return gone


def _attempts(root: Path) -> Iterator[Path]:
    jobs = (job for job in _folders(root) if not job.name.startswith(SHARED))
    for job in jobs:
        for days in _folders(job):
            yield from _folders(days)


def _folders(path: Path) -> list[Path]:
    try:
        # A link is somebody's second name of one.
        return sorted(one for one in path.iterdir() if one.is_dir() and not one.is_symlink())
    except FileNotFoundError:
        return []


def _newest(folder: Path) -> datetime:
    """When the newest file below was written; of a folder without files, when it was changed."""
    newest, ways = 0.0, [folder]
    for way in ways:
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(way):
                if entry.is_dir(follow_symlinks=False):
                    ways.append(Path(entry.path))
                elif not entry.is_symlink():
                    newest = max(newest, entry.stat().st_mtime)
    with contextlib.suppress(FileNotFoundError):
        newest = newest or folder.stat().st_mtime
    return datetime.fromtimestamp(newest, UTC)


def _unless_gone(_function: Any, _path: str, error: Any) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
