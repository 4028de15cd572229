"""What the embedded Airflow itself leaves behind: rows in its tables, logs of tasks, its own log.

Whoever runs an Airflow of their own has rules of their own for these: docs/runbook.md.
"""

import contextlib
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.config import load_config
from include.database.address import database_url
from include.embedded.environment import airflow_environment
from include.errors import PipelineError
from include.settings import PROJECT, Settings, settings

LOG_BYTES = 50_000_000
"""Beyond this, what a server's log holds is put aside, in place of what was put aside before."""


def maintain_airflow() -> None:
    """Delete rows and logs older than `retention.airflow_days`; prints what it deleted."""
    chosen = settings()
    days = load_config(chosen).warehouse.retention.airflow_days
    before = datetime.now(UTC) - timedelta(days=days)
    clean_tables(chosen, before)
    files = remove_old_files(chosen.home / "airflow" / "logs", before)
    logs = [chosen.home / "airflow.log", chosen.home / "postgres" / "log"]
    aside = [f"{log}" for log in logs if put_aside(log, LOG_BYTES)]
    print(
        f"[maintain] Airflow: its rows and {files} log files from before {before:%Y-%m-%d} deleted"
        + (f", {' and '.join(aside)} put aside" if aside else ""),
        flush=True,
    )


def clean_tables(settings: Settings, before: datetime) -> None:
    """Let Airflow delete old rows of its tables; it keeps the last run of each DAG's schedule.

    Raises:
        PipelineError: It could not; the text ends with what it printed.
    """
    # Airflow takes its database's address from what its tasks start; this database is ours.
    environment = airflow_environment(settings) | {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(settings, "airflow", "psycopg2")
    }
    environment.pop("AIRFLOW__CORE__SQL_ALCHEMY_CONN", None)
    ended = subprocess.run(
        [
            str(PROJECT / ".venv" / "bin" / "airflow"), "db", "clean", "--yes", "--skip-archive",
            "--error-on-cleanup-failure", "--clean-before-timestamp", before.isoformat(),
        ],
        env=environment, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise PipelineError(f"airflow db clean failed:\n{(ended.stdout + ended.stderr)[-3000:]}")


def remove_old_files(folder: Path, before: datetime) -> int:
    """Delete files below a folder that were written last before that, and folders left empty."""
    count = 0
    for path, _, files in os.walk(folder, topdown=False):
        here = Path(path)
        # Suppressed: somebody else may be at it, too.
        with contextlib.suppress(FileNotFoundError):
            # A young folder without files is of a task that is about to log.
            is_old = here.stat().st_mtime < before.timestamp()
            for file in (here / name for name in files):
                with contextlib.suppress(FileNotFoundError):
                    if file.lstat().st_mtime < before.timestamp():
                        file.unlink()
                        count, is_old = count + 1, True
            if is_old and here != folder:
                with contextlib.suppress(OSError):  # it holds others
                    here.rmdir()
    return count


def put_aside(log: Path, limit_bytes: int) -> bool:
    """Copy a log that others append to beside it, and empty it, where it is larger than that."""
    if not log.exists() or log.stat().st_size <= limit_bytes:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True
