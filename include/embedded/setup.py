"""Set the embedded default up: whatever is missing, side by side where that is faster."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from include.code_version import code_version
from include.database.server import prepare
from include.embedded.closed_home import close_home
from include.embedded.environment import (
    airflow_environment,
    check_java,
    class_archive,
    write_spark_properties,
)
from include.embedded.postgres import start_postgres
from include.errors import PipelineError
from include.settings import PROJECT, Settings

# Left where a set-up succeeded; another version of the code, or of what it needs, sets up again.
DONE = "setup.done"


def ensure_set_up(settings: Settings) -> None:
    """Start Postgres; migrate Airflow, MLflow and the warehouse where this code never did.

    Raises:
        SettingsError: Java is missing or too old.
        PipelineError: A step failed; the text ends with what it printed.
    """
    check_java(settings)
    close_home(settings.home)
    start_postgres(settings)
    done = settings.home / DONE
    version = f"{code_version()} {(PROJECT / 'requirements.txt').stat().st_mtime_ns}"
    if done.exists() and done.read_text(encoding="utf-8") == version:
        return
    write_spark_properties(settings)
    # Before Airflow's migrations begin: its login has to be there, and its tables its own.
    prepare(settings)
    environment = airflow_environment(settings)
    print("[setup] databases of Airflow, MLflow and the warehouse; Spark's classes", flush=True)
    steps = {
        "Airflow's database": [sys.executable, "-m", "include.embedded.airflow_database"],
        "the warehouse and MLflow": [sys.executable, "-m", "include.embedded.databases"],
    }
    with ThreadPoolExecutor() as pool:
        results = [pool.submit(_run, name, command, environment) for name, command in steps.items()]
        for result in results:
            result.result()
    done.write_text(version, encoding="utf-8")


def archive_classes(settings: Settings) -> None:
    """Let a small Spark application write the archive that later ones start from (20-60 s)."""
    archive = class_archive(settings)
    if archive.exists() or settings.spark_engine != "spark":
        return
    write_spark_properties(settings)
    part = archive.with_suffix(".part")
    part.unlink(missing_ok=True)
    environment = airflow_environment(settings)
    environment["PYSPARK_SUBMIT_ARGS"] = (
        f"--driver-java-options -XX:ArchiveClassesAtExit={part} pyspark-shell"
    )
    _run("Spark's classes", [sys.executable, "-m", "include.embedded.spark_classes"], environment)
    # The JVM writes the archive while it ends, after Python has.
    if _wait_for(part):
        part.rename(archive)
        write_spark_properties(settings)


def _wait_for(path: Path, seconds: int = 60) -> bool:
    size = -1
    for _ in range(seconds * 2):
        if path.exists() and path.stat().st_size == size > 0:
            return True
        size = path.stat().st_size if path.exists() else -1
        time.sleep(0.5)
    return False


def _run(name: str, command: list[str], environment: dict[str, str]) -> None:
    ended = subprocess.run(
        command,
        env=environment,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise PipelineError(
            f"setting up {name} failed (exit code {ended.returncode}):\n{ended.stdout[-3000:]}"
        )
