"""`make up`, both DAGs over the days that `make run` leaves to the reader, `make down`.

    bin/python tests/acceptance/backfill.py

Prints how long one day through `lake_daily` and `score_daily` takes, task by task.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[2]
FIRST, LAST = "2017-12-25", "2017-12-28"
DAYS = 4
DAGS = {"lake_daily", "lake_history", "train_weekly", "score_daily"}
LIMIT_S = 900


def run(*command: str) -> str:
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr[-3000:]}")
    return ended.stdout


def airflow(*arguments: str) -> str:
    return run("bin/airflow", *arguments)


def sql(query: str) -> str:
    return run("make", "-s", "sql", f"Q={query}").strip()


def states(dag_id: str) -> list[str]:
    listed = airflow("dags", "list-runs", dag_id, "-o", "json")
    runs = json.loads(listed[listed.index("[") :])
    return sorted(r["state"] for r in runs if r["run_id"].startswith("backfill"))


def backfill(dag_id: str) -> None:
    started = time.monotonic()
    airflow("backfill", "create", "--dag-id", dag_id, "--from-date", FIRST, "--to-date", LAST)
    while time.monotonic() - started < LIMIT_S:
        time.sleep(5)
        seen = states(dag_id)
        if len(seen) == DAYS and set(seen) <= {"success", "failed"}:
            break
    if seen != ["success"] * DAYS:
        sys.exit(f"FAILED: {dag_id} over {FIRST}..{LAST}: {seen}")
    print(f"ok: {dag_id} over {DAYS} days in {time.monotonic() - started:.0f} s", flush=True)


def times(dag_id: str) -> float:
    """Print the tasks of the last day, and return how long its run took, in seconds."""
    listed = airflow("dags", "list-runs", dag_id, "-o", "json")
    runs = json.loads(listed[listed.index("[") :])
    last = max((r for r in runs if r["run_id"].startswith("backfill")), key=lambda r: r["end_date"])
    tasks = airflow("tasks", "states-for-dag-run", dag_id, last["run_id"], "-o", "json")
    seconds = []
    for task in json.loads(tasks[tasks.index("[") :]):
        took = _seconds(task["start_date"], task["end_date"])
        seconds.append(took)
        print(f"  {dag_id}.{task['task_id']}: {took:.1f} s")
    whole = _seconds(last["start_date"], last["end_date"])
    print(f"  {dag_id} of {last['run_id']}: {whole:.1f} s, of which tasks {sum(seconds):.1f} s")
    return whole


def _seconds(start: str, end: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def main() -> None:
    print(run("make", "up").strip(), flush=True)
    try:
        errors = airflow("dags", "list-import-errors", "-o", "json")
        listed = json.loads(airflow("dags", "list", "-o", "json").split("\n", 0)[0])
        if {dag["dag_id"] for dag in listed} != DAGS or "No data found" not in errors:
            sys.exit(f"FAILED: DAGs {listed}, import errors {errors}")
        print(f"ok: {', '.join(sorted(DAGS))} without import errors", flush=True)
        for dag_id in ("lake_daily", "score_daily"):
            backfill(dag_id)
        whole = sum(times(dag_id) for dag_id in ("lake_daily", "score_daily"))
        print(f"one day through both: {whole:.0f} s")
        filled = sql(
            "select count(*), bool_and(row_count = users * 8), count(distinct model_version) "
            "from (select p.*, (select count(*) from pii.contacts c "
            "where c.ingest_date <= p.score_date) as users from predictions.publications p "
            f"where status = 'published' and score_date between '{FIRST}' and '{LAST}') as days"
        )
        if filled != f"{DAYS}|t|1":
            sys.exit(f"FAILED: the prediction table of these days: {filled}")
        print(f"ok: {DAYS} days of the prediction table, by one model")
    finally:
        print(run("make", "down").strip(), flush=True)
    left = subprocess.run(
        ["pgrep", "-af", f"{PROJECT}/.local/postgres|airflow (standalone|scheduler|api)"],
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    if left:
        sys.exit(f"FAILED: make down left processes behind:\n{left}")
    print("ok: make down left no process behind")
    print("4 passed, 0 failed")


if __name__ == "__main__":
    main()
