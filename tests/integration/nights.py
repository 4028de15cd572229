"""A night's three tasks on whatever has landed, and what the lake holds after them."""

from collections.abc import Callable

from include.config import load_config
from include.contracts import lake_tables
from include.contracts.known import KNOWN
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
    """Rows and checksum of every table, but of those that are only a shorter way to read others.

    Which days of those there are depends on what was built when; what they say must be so.
    """
    lake, shorter = Lake(chosen), {contract.name for contract in KNOWN.values()}
    found = {}
    for name, contract in lake_tables(load_config(chosen).events.names).items():
        lake.create(contract)
        if name not in shorter:
            rows = lake.arrow(contract, days)
            found[name] = (rows.num_rows, rows_checksum(rows))
    for name, contract in KNOWN.items():
        arrivals = lake.arrow(lake_tables(())[name]).sort_by("ingest_date").to_pylist()
        for day in lake.days(contract):
            said = lake.arrow(contract, Days(day, day)).to_pylist()
            expected = {}
            for row in arrivals:
                if row["ingest_date"] <= day:
                    kept = {key: row[key] for key in contract.column_names[:-1]}
                    expected[row[contract.key[0]]] = kept | {contract.partition: day}
            by_key = {row[contract.key[0]]: row for row in said}
            assert len(said) == len(by_key)
            assert by_key == expected, f"{contract.name} of {day}"
    return found
