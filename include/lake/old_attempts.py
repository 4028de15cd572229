"""What attempts leave behind beside rows: receipts and words of failure, verdicts, Data Docs."""

import contextlib
from datetime import date, datetime, timedelta
from pathlib import Path

from pyarrow import fs
from sqlalchemy import Connection, delete, func, or_, select

from include.config import Retention
from include.database.engine import engine
from include.database.tables.lake import LakePartition, QualityResult
from include.lake.receipts import receipts_uri
from include.quality.docs_upkeep import prune_docs
from include.settings import Settings
from include.store import files_below, system_of


def forget_old_attempts(settings: Settings, retention: Retention, now: datetime) -> str:
    """Delete what old attempts left, by the configured ages; returns what, in words."""
    with engine(settings).begin() as connection:
        needed = needed_attempts(connection, retention.docs_days, now.date())
        passed = passed_attempts(connection)
        verdicts = drop_verdicts(connection, now - timedelta(days=retention.verdicts_days), needed)
    docs = prune_docs(
        settings.data_docs_path,
        needed,
        passed,
        running_since=now - timedelta(days=retention.staged_days),
        failed_since=now - timedelta(days=retention.docs_days),
    )
    receipts = remove_old_receipts(settings, now - timedelta(days=retention.receipts_days))
    return (
        f"{receipts} receipts and words of failure, Data Docs of {docs} attempts, "
        f"{verdicts} verdicts deleted"
    )


def needed_attempts(connection: Connection, days: int, today: date) -> set[str]:
    """The attempts that the ledger names for partitions of the newest days.

    Args:
        connection: The warehouse.
        days: How many days before the newest partition, which may be of long ago.
        today: A partition of a later day makes none old.
    """
    day = LakePartition.partition_date
    newest = connection.scalar(select(func.max(day)).where(day <= today))
    if newest is None:
        return set()
    recent = select(LakePartition.attempt).where(day > newest - timedelta(days=days))
    return set(connection.scalars(recent.distinct()))


def passed_attempts(connection: Connection) -> set[str]:
    """The attempts of which no critical expectation failed."""
    result = QualityResult
    is_harmless = or_(result.success, result.severity != "critical")
    passed = select(result.attempt).group_by(result.attempt).having(func.bool_and(is_harmless))
    return set(connection.scalars(passed))


def drop_verdicts(connection: Connection, before: datetime, needed: set[str]) -> int:
    """Forget what audits said that long ago, but of the attempts that are needed."""
    gone = connection.execute(
        delete(QualityResult).where(
            QualityResult.checked_at < before, QualityResult.attempt.not_in(needed)
        )
    )
    return int(gone.rowcount)


def remove_old_receipts(settings: Settings, before: datetime) -> int:
    """Delete receipts and words of failure of runs whose newest one is older than that.

    Returns:
        Files deleted.
    """
    system, root = system_of(receipts_uri(settings))
    runs: dict[str, list[fs.FileInfo]] = {}
    for info in files_below(system, root):
        runs.setdefault(info.path.rsplit("/", 1)[0], []).append(info)
    old = {run: files for run, files in runs.items() if all(one.mtime < before for one in files)}
    count = 0
    for info in (info for files in old.values() for info in files):
        # Somebody else may be at it, too.
        with contextlib.suppress(FileNotFoundError):
            system.delete_file(info.path)
            count += 1
    if isinstance(system, fs.LocalFileSystem):  # a store has no folders
        # A young one without files is of a run that is about to write its first.
        folders = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        left = {one.path for one in folders if one.path not in runs and one.mtime < before}
        for folder in (*old, *left):
            with contextlib.suppress(OSError):  # somebody wrote into it just now, or removed it
                Path(folder).rmdir()
    return count
