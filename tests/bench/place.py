"""An installation of the benches' own, below `.local/bench`: settings, databases, an empty lake."""

import os
import shutil
import sys
from pathlib import Path

from include.embedded.environment import airflow_environment, write_spark_properties
from include.embedded.postgres import start_postgres, stop_postgres
from include.embedded.setup import archive_classes
from include.settings import PREFIX, PROJECT, settings
from tests.bench.process import run

BENCH = PROJECT / ".local" / "bench"
HOME = BENCH / "home"
LOGS = BENCH / "logs"
DATABASES = (sys.executable, "-m", "include.embedded.databases")

# How Spark runs may be chosen; where things are may not.
KEPT = f"{PREFIX}SPARK_"
FOREIGN = (PREFIX, "AIRFLOW", "MLFLOW")


def use_own_settings() -> None:
    """Let this process and all that it starts see the benches' settings, not the caller's."""
    for name in [*os.environ]:
        if name.startswith(FOREIGN) and not name.startswith(KEPT):
            del os.environ[name]
    os.environ |= {
        f"{PREFIX}HOME": str(HOME),
        f"{PREFIX}EVENTS": str(PROJECT / "docs" / "synthetic" / "events.yaml"),
        f"{PREFIX}CAMPAIGNS": str(PROJECT / "docs" / "synthetic" / "campaigns.yaml"),
    }
    settings.cache_clear()


def environment(**more: str) -> dict[str, str]:
    """The environment that tasks run in, and more."""
    return airflow_environment(settings()) | more


def empty_installation() -> None:
    """Start a Postgres with migrated databases, and a lake without rows; what was there goes.

    What costs a minute and depends on Java alone, the archive of Spark's classes, stays.
    """
    stop()
    for path in HOME.glob("*"):
        if path.name == "spark":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    HOME.mkdir(parents=True, exist_ok=True)
    start_postgres(settings())
    run(DATABASES, environment(), PROJECT, LOGS / "databases.log")
    archive_classes(settings())
    write_spark_properties(settings())


def stop() -> None:
    """Stop the Postgres, if it runs."""
    if HOME.exists():
        stop_postgres(settings())


def remove(folder: Path) -> None:
    """Remove a folder with all that it holds, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
