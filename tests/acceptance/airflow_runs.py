"""Ask Airflow for runs, as a person would, and wait for them."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from include.database.address import database_url
from include.settings import settings
from tests.acceptance.commands import PROJECT, run, say

LIMIT_S = 900
TROUBLE = re.compile(r"\[(error|critical|warning) |Traceback|Error\b")
# A DAG's file has its name; tests/dags has the list that says which there must be.
DAGS = {path.stem for path in (PROJECT / "dags").glob("*.py")}


def airflow(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask Airflow's own database: its command takes six seconds an answer."""
    with psycopg.connect(database_url(settings(), "airflow")) as connection:
        return connection.execute(query, values).fetchall()


def backfill(dag_id: str, first: str, last: str, days: int) -> None:
    """Backfill a range and wait until every day of it succeeded."""
    create_backfill(dag_id, first, last)

    def states() -> list[str]:
        found = airflow(
            "select state from dag_run where dag_id = %s and run_type = 'backfill' "
            "and data_interval_start::date between %s and %s", dag_id, first, last,
        )  # fmt: skip
        return [state for (state,) in found]

    wait_for_success(f"{dag_id} over {first}..{last}", states, days)


def create_backfill(dag_id: str, first: str, last: str, *options: str) -> None:
    """Create a backfill, once the scheduler has seen that the one before is over.

    It looks every half a minute, and until then refuses the next.
    """
    running = "select count(*) from backfill where dag_id = %s and completed_at is null"
    until = time.monotonic() + LIMIT_S
    while airflow(running, dag_id) != [(0,)]:
        assert time.monotonic() < until, f"a backfill of {dag_id} doesn't end"
        time.sleep(1)
    command = ("bin/airflow", "backfill", "create", "--dag-id", dag_id)
    run(*command, "--from-date", first, "--to-date", last, *options)


def trigger(dag_id: str, **parameters: Any) -> None:
    """Trigger a DAG with parameters, and wait until it succeeded."""
    command = ("bin/airflow", "dags", "trigger", dag_id, "-c", json.dumps(parameters))
    follow(dag_id, lambda: run(*command), f"{dag_id} {parameters}")


def follow(dag_id: str, start: Callable[[], object], what: str, runs: int = 1) -> list[str]:
    """Start runs of a DAG, and wait until they succeeded; returns their ids.

    Those that the scheduler starts meanwhile, of last night, are left alone.
    """
    query = (
        "select run_id, state from dag_run where dag_id = %s and run_type <> 'scheduled' "
        "and (queued_at > %s or start_date > %s) order by run_id"
    )
    ((now,),) = airflow("select clock_timestamp()")
    start()
    wait_for_success(what, lambda: [state for _, state in airflow(query, dag_id, now, now)], runs)
    return [run_id for run_id, _ in airflow(query, dag_id, now, now)]


def wait_for_success(what: str, states: Callable[[], list[str]], runs: int = 1) -> None:
    """Follow runs until all have ended; say how they go, at changes and every half a minute.

    Raises:
        AssertionError: One failed, or they didn't end in time.
    """
    started, seen, said_s = time.monotonic(), Counter[str](), 0.0
    while (took_s := time.monotonic() - started) < LIMIT_S:
        now = Counter(states())
        if now != seen or took_s > said_s + 30:
            seen, said_s = now, took_s
            told = ", ".join(f"{count} {state}" for state, count in sorted(seen.items()))
            say(f"  {took_s:5.0f} s  {what}: {told or 'no run yet'}")
        if seen.total() == runs and set(seen) <= {"success", "failed"}:
            break
        time.sleep(1)
    if seen != Counter(success=runs):
        say("\n".join(f"  {line}" for line in unfinished()))
    assert seen == Counter(success=runs), f"{what}: {dict(seen)} of {runs} runs"


def unfinished() -> list[str]:
    """Each task of a running or failed run that didn't succeed, and the last troubles logged.

    What an excerpt of a log on a machine that is gone lets nobody find out later.
    """
    tasks = airflow(
        "select dag_id, run_id, task_id, map_index, coalesce(t.state, 'none'), try_number, "
        "t.start_date::text from task_instance t join dag_run using (dag_id, run_id) where "
        "dag_run.state in ('running', 'failed') and t.state is distinct from 'success' "
        "order by t.start_date nulls last"
    )
    log = (settings().home / "airflow.log").read_text(encoding="utf-8", errors="replace")
    lines = [line[:400] for line in log.splitlines() if TROUBLE.search(line)]
    return [" ".join(map(str, task)) for task in tasks] + lines[-40:]
