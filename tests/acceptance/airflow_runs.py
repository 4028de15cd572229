"""Ask Airflow for runs, as a person would, and wait for them; for the scripts in this folder."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from include.database.address import database_url
from include.settings import settings

PROJECT = Path(__file__).parents[2]
LIMIT_S = 900


def run(*command: str) -> str:
    """What a command prints; ends the script if it fails."""
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(
            f"{' '.join(command)} ended with {ended.returncode}:\n"
            f"{(ended.stdout + ended.stderr)[-3000:]}"
        )
    return ended.stdout


def sql(query: str, role: str = "pipeline") -> str:
    """What `make sql` prints."""
    return run("make", "-s", "sql", f"Q={query}", f"ROLE={role}").strip()


def airflow(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask Airflow's own database: its command takes six seconds an answer."""
    with psycopg.connect(database_url(settings(), "airflow")) as connection:
        return connection.execute(query, values).fetchall()


def backfill(dag_id: str, first: str, last: str, days: int) -> None:
    """Backfill a range and wait until every day of it succeeded."""
    started = time.monotonic()
    command = ("bin/airflow", "backfill", "create", "--dag-id", dag_id)
    run(*command, "--from-date", first, "--to-date", last)
    states: list[str] = []
    while time.monotonic() - started < LIMIT_S:
        time.sleep(2)
        found = airflow(
            "select state from dag_run where dag_id = %s and run_type = 'backfill' "
            "and data_interval_start::date between %s and %s", dag_id, first, last,
        )  # fmt: skip
        states = [state for (state,) in found]
        if len(states) == days and set(states) <= {"success", "failed"}:
            break
    if states != ["success"] * days:
        sys.exit(f"FAILED: {dag_id} over {first}..{last}: {states}")
    took = time.monotonic() - started
    print(f"ok: {dag_id} over {first}..{last}, {days} days, in {took:.0f} s", flush=True)


def trigger(dag_id: str, **parameters: Any) -> None:
    """Trigger a DAG with parameters, and wait until it succeeded."""
    started = time.monotonic()
    known = {
        run_id for (run_id,) in airflow("select run_id from dag_run where dag_id = %s", dag_id)
    }
    run("bin/airflow", "dags", "trigger", dag_id, "-c", json.dumps(parameters))
    state = "none"
    while time.monotonic() - started < LIMIT_S and state not in ("success", "failed"):
        time.sleep(1)
        found = airflow("select run_id, state from dag_run where dag_id = %s", dag_id)
        state = next((state for run_id, state in found if run_id not in known), "none")
    if state != "success":
        sys.exit(f"FAILED: {dag_id} with {parameters}: {state}")
    print(f"ok: {dag_id} {parameters} in {time.monotonic() - started:.0f} s", flush=True)


def expect(what: str, seen: str, expected: str) -> None:
    """Compare what `make sql` printed; ends the script where it differs."""
    if seen != expected:
        sys.exit(f"FAILED: {what}: {seen!r}, not {expected!r}")
    print(f"ok: {what}", flush=True)
