"""`make up`, both DAGs over days that `make run` leaves to the reader, `make down`.

    bin/python tests/acceptance/backfill.py

Prints how long one day through `lake_daily` and `score_daily` takes, task by task.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

from include.databases import database_url
from include.settings import settings

PROJECT = Path(__file__).parents[2]
FIRST, LAST, DAYS = "2017-12-25", "2017-12-28", 4
DAGS = {"lake_daily", "lake_history", "train_weekly", "score_daily"}
LIMIT_S = 900


def run(*command: str) -> str:
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr[-3000:]}")
    return ended.stdout


def airflow(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask Airflow's own database: its command takes six seconds an answer."""
    with psycopg.connect(database_url(settings(), "airflow")) as connection:
        return connection.execute(query, values).fetchall()


def wait_for_dags() -> None:
    for _ in range(60):
        found = {dag_id for (dag_id,) in airflow("select dag_id from dag where not is_stale")}
        if found == DAGS:
            break
        time.sleep(1)
    errors = airflow("select filename, stacktrace from import_error")
    if found != DAGS or errors:
        sys.exit(f"FAILED: DAGs {found}, import errors {errors}")
    print(f"ok: {', '.join(sorted(DAGS))} without import errors", flush=True)


def backfill(dag_id: str) -> None:
    started = time.monotonic()
    run("bin/airflow", "backfill", "create", "--dag-id", dag_id, "--from-date", FIRST,
        "--to-date", LAST)  # fmt: skip
    states: list[str] = []
    while time.monotonic() - started < LIMIT_S:
        time.sleep(3)
        found = airflow("select state from dag_run where dag_id = %s and run_type = 'backfill'",
                        dag_id)  # fmt: skip
        states = [state for (state,) in found]
        if len(states) == DAYS and set(states) <= {"success", "failed"}:
            break
    if states != ["success"] * DAYS:
        sys.exit(f"FAILED: {dag_id} over {FIRST}..{LAST}: {states}")
    print(f"ok: {dag_id} over {DAYS} days in {time.monotonic() - started:.0f} s", flush=True)


def show_last_day(dag_id: str) -> float:
    """Print the tasks of the last day's run; returns how long the run took, in seconds."""
    ((run_id, whole),) = airflow(
        "select run_id, extract(epoch from end_date - start_date)::float from dag_run "
        "where dag_id = %s and run_type = 'backfill' order by logical_date desc limit 1",
        dag_id,
    )
    tasks = airflow(
        "select task_id, duration from task_instance where dag_id = %s and run_id = %s "
        "order by start_date",
        dag_id, run_id,
    )  # fmt: skip
    for task_id, seconds in tasks:
        print(f"  {seconds:6.1f} s  {dag_id}.{task_id}")
    rest = whole - sum(seconds for _, seconds in tasks)
    print(f"  {whole:6.1f} s  {dag_id} of {LAST}, {rest:.1f} s of it between tasks")
    return float(whole)


def main() -> None:
    print(run("make", "up").strip(), flush=True)
    try:
        wait_for_dags()
        for dag_id in ("lake_daily", "score_daily"):
            backfill(dag_id)
        whole = sum(show_last_day(dag_id) for dag_id in ("lake_daily", "score_daily"))
        print(f"one day through both, with others beside it: {whole:.0f} s", flush=True)
        filled = run(
            "make", "-s", "sql",
            "Q=select count(*), bool_and(row_count = users * 8), count(distinct model_version) "
            "from (select p.*, (select count(*) from pii.contacts c "
            "where c.ingest_date <= p.score_date) as users from predictions.publications p "
            f"where status = 'published' and score_date between '{FIRST}' and '{LAST}') as days",
        ).strip()  # fmt: skip
        if filled != f"{DAYS}|t|1":
            sys.exit(f"FAILED: the prediction table of these days: {filled}")
        print(f"ok: {DAYS} days of the prediction table, every known user, by one model")
    finally:
        print(run("make", "down").strip(), flush=True)
    # Some overwrite their command line, some their environment; none its working directory.
    home = str(settings().home)
    left = [p.info for p in psutil.process_iter(["pid", "ppid", "cmdline", "cwd"])
            if (p.pid not in (os.getpid(), os.getppid()) and p.info["cwd"] == str(PROJECT)
            and "airflow" in " ".join(p.info["cmdline"]))
            or any(home in part for part in p.info["cmdline"] or [])]  # fmt: skip
    if left:
        sys.exit(f"FAILED: make down left processes behind: {left}")
    print("ok: make down left no process behind")
    print("5 passed, 0 failed")


if __name__ == "__main__":
    main()
