"""Staged files lie under a path of their own inside a table's location, where no reader looks."""

from datetime import date

from pyarrow import fs

from include.errors import LakeError
from include.store import system_of

DAY_FOLDER = "_day"
"""Staged files of a partition lie in `_day=<its date>`."""


def parquet_files(uri: str) -> list[str]:
    """URIs of the Parquet files below a folder, sorted; none if it does not exist."""
    scheme = uri.split("://", 1)[0]
    system, path = system_of(uri)
    selector = fs.FileSelector(path, recursive=True, allow_not_found=True)
    return sorted(
        f"{scheme}://{info.path}"
        for info in system.get_file_info(selector)
        if info.type == fs.FileType.File and info.base_name.endswith(".parquet") and info.size > 0
    )


def day_of(uri: str) -> date:
    """The partition that a staged file belongs to; its path says it.

    Raises:
        LakeError: The path doesn't.
    """
    _, found, rest = uri.partition(f"/{DAY_FOLDER}=")
    if not found:
        raise LakeError(f"{uri} lies in no folder {DAY_FOLDER}=...: no job staged it")
    return date.fromisoformat(rest.split("/", 1)[0])
