"""The main job in the stack: history, training, scores of a day, through Airflow's own scheduler.

    make compose-run [DAY=2017-12-24]

Does what is missing and prints every task as it ends. Safe to repeat.
"""

import subprocess
import sys
import time
from datetime import date, timedelta

import psycopg

from include.database.address import database_url
from include.days import Days
from include.embedded.make_run import DAY, HISTORY
from include.embedded.results import has_champion, has_history, has_scores, show
from include.settings import settings

LIMIT_S = 3600


def main(day: date) -> None:
    """Run what is missing; ends with a sample of the prediction table.

    Args:
        day: A Sunday of 2017, so that training has a new snapshot date: history is loaded up to it,
            and users are scored as of its end.
    """
    started = time.monotonic()
    chosen = settings()
    history = Days(HISTORY.first, day)
    times: dict[str, float] = {}
    if not has_history(chosen, history):
        days = f'{{"from_date": "{history.first}", "to_date": "{history.last}"}}'
        times["lake_history"] = _run("lake_history", "dags", "trigger", "lake_history", "-c", days)
    if not has_champion(chosen, day):
        # Its runs start at 06:00 of the Monday after: the range has to reach past that.
        monday, after = day + timedelta(days=1), day + timedelta(days=2)
        times["train_weekly"] = _run("train_weekly", *_backfill("train_weekly", monday, after))
    if not has_scores(chosen, day):
        times["score_daily"] = _run("score_daily", *_backfill("score_daily", day, day))
    show(chosen)
    print(f"\nTime of each stage ({time.monotonic() - started:.0f} s in all):")
    for name, seconds in times.items():
        print(f"  {seconds:6.1f} s  {name}")


def _backfill(dag_id: str, first: date, last: date) -> tuple[str, ...]:
    return ("backfill", "create", "--dag-id", dag_id, "--from-date", f"{first}",
            "--to-date", f"{last}", "--reprocess-behavior", "completed")  # fmt: skip


def _run(dag_id: str, *command: str) -> float:
    """Ask Airflow for a run and follow it; returns how long it took, in seconds."""
    started = time.monotonic()
    print(f"\n== {dag_id}", flush=True)
    url = database_url(settings(), "airflow")
    with psycopg.connect(url, autocommit=True) as connection:
        (now,) = connection.execute("select now()").fetchone() or (None,)
        ended = subprocess.run(["airflow", *command], capture_output=True, text=True, check=False)
        if ended.returncode:
            sys.exit(f"error: airflow {' '.join(command)}:\n{ended.stdout}{ended.stderr}")
        told: set[tuple[str, int, int]] = set()
        while time.monotonic() - started < LIMIT_S:
            time.sleep(1)
            _tell(connection, dag_id, now, told)
            found = connection.execute(
                "select state from dag_run where dag_id = %s and queued_at >= %s", (dag_id, now)
            ).fetchall()
            if found and all(state in ("success", "failed") for (state,) in found):
                break
        else:
            sys.exit(f"error: {dag_id} did not end within {LIMIT_S} s: look at it in Airflow's UI")
    if any(state == "failed" for (state,) in found):
        sys.exit(f"error: {dag_id} failed: its page in Airflow's UI says which task, and why")
    seconds = time.monotonic() - started
    print(f"== {dag_id}: {seconds:.1f} s", flush=True)
    return seconds


def _tell(
    connection: psycopg.Connection[tuple[object, ...]],
    dag_id: str,
    since: object,
    told: set[tuple[str, int, int]],
) -> None:
    """Print the tasks that ended since the last look."""
    for task_id, index, number, state, seconds in connection.execute(
        "select t.task_id, t.map_index, t.try_number, t.state, t.duration from task_instance t "
        "join dag_run r using (dag_id, run_id) where t.dag_id = %s and r.queued_at >= %s "
        "and t.state in ('success', 'failed', 'up_for_retry') order by t.end_date",
        (dag_id, since),
    ):
        key = (str(task_id), int(str(index)), int(str(number)))
        if key not in told:
            told.add(key)
            name = f"{task_id}[{index}]" if int(str(index)) >= 0 else task_id
            took = f"{float(str(seconds)):7.1f} s" if seconds is not None else " " * 9
            print(f"  {took}  {name}{'' if state == 'success' else f': {state}'}", flush=True)


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else DAY)
