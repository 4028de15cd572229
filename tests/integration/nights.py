"""A night's three tasks on whatever has landed, and what the lake holds after them."""

from collections.abc import Callable

from include.config import load_config
from include.contracts import lake_tables
from include.days import Days
from include.lake.checksum import rows_checksum
from include.lake.gate import gate
from include.lake.publish import publish
from include.lake.tables import Lake
from include.settings import Settings
from spark_jobs import lake_days
from spark_jobs.job import run_job


def steps(days: Days, run: str) -> dict[str, Callable[[], object]]:
    """The tasks in order, as Airflow retries them: each by itself."""
    arguments = ["--from-day", f"{days.first}", "--to-day", f"{days.last}", "--run", run]
    return {
        "build": lambda: run_job("lake_days", lake_days.BUILDS, arguments),
        "gate": lambda: gate("lake_days", run),
        "publish": lambda: publish("lake_days", run),
    }


def night(days: Days, run: str) -> None:
    """All of them."""
    for step in steps(days, run).values():
        step()


def checksums(chosen: Settings, days: Days | None = None) -> dict[str, tuple[int, str]]:
    """Rows and checksum of every table."""
    found = {}
    for name, contract in lake_tables(load_config(chosen).events.names).items():
        Lake(chosen).create(contract)
        rows = Lake(chosen).arrow(contract, days)
        found[name] = (rows.num_rows, rows_checksum(rows))
    return found
