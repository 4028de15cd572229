"""Folders that hold what only their owner may see."""

import os
import stat
from pathlib import Path


def make_private(folder: Path, mode: int = 0o700) -> None:
    """Make a folder that only its owner may enter; one that is there already is closed.

    Folders above it that are missing are made as usual. A folder that belongs to somebody else,
    or is everybody's (as /tmp is), stays as it is.

    Args:
        folder: The folder.
        mode: Its permissions.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    now = folder.stat()
    if now.st_uid == os.geteuid() and not now.st_mode & stat.S_ISVTX:
        folder.chmod(mode)
