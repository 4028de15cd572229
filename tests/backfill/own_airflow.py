"""An Airflow of the harness' own, asked over its API, as its UI asks it."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

import psycopg

from include.database.address import database_url
from include.settings import settings
from tests.acceptance.airflow_runs import airflow

LIMIT_S = 1800
CLEARS = 2
"""Of a run: what failed, then all of it, as the runbook says of a task that was refused."""
OVER = {"success", "failed"}

Run = tuple[str, str]
"""DAG and run."""


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask Airflow's API.

    Raises:
        AssertionError: It refused; the text says why.
    """
    url = f"http://localhost:{settings().ui_port}"
    with urllib.request.urlopen(f"{url}/auth/token", timeout=30) as given:
        token = json.load(given)["access_token"]
    request = urllib.request.Request(
        f"{url}/api/v2/{path}", json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, method=method,
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error


def begin_trigger(dag_id: str, **conf: Any) -> list[Run]:
    """Trigger a DAG; returns its run."""
    run = call("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
    return [(dag_id, run["dag_run_id"])]


def begin_backfill(
    dag_id: str, first: str, last: str, days: int, behavior: str = "none", at_once: int = 4,
    *, backwards: bool = False, conf: dict[str, Any] | None = None,
) -> list[Run]:  # fmt: skip
    """Create a backfill; returns its runs, once they are there: so many as `days`."""
    running = "select count(*) from backfill where dag_id = %s and completed_at is null"
    # Airflow looks every half a minute whether one is over, and until then refuses the next.
    wait_until(lambda: airflow(running, dag_id) == [(0,)], f"a backfill of {dag_id} to end")
    made = call("POST", "backfills", {
        "dag_id": dag_id, "from_date": f"{first}T00:00:00Z", "to_date": f"{last}T23:59:59Z",
        "reprocess_behavior": behavior, "max_active_runs": at_once, "run_backwards": backwards,
        "dag_run_conf": conf or {},
    })  # fmt: skip
    runs = (
        "select r.dag_id, r.run_id from backfill_dag_run b join dag_run r on r.id = b.dag_run_id "
        "where b.backfill_id = %s order by r.logical_date"
    )
    wait_until(lambda: len(airflow(runs, made["id"])) == days, f"{days} runs of {dag_id}")
    return [(run[0], run[1]) for run in airflow(runs, made["id"])]


def wait_until(holds: Any, what: str) -> None:
    """Wait for something.

    Raises:
        AssertionError: It took too long.
    """
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < LIMIT_S, f"waited in vain for {what}"
        time.sleep(0.5)


def settle(runs: Sequence[Run]) -> int:
    """Wait until runs succeeded; nobody waits two minutes for a retry, and what failed is cleared.

    Returns:
        How often a run was cleared.

    Raises:
        AssertionError: A run failed again after it had been cleared.
    """
    cleared: dict[Run, int] = {}
    started = time.monotonic()
    while True:
        states = {run: state_of(run) for run in runs}
        for run, state in states.items():
            if state == "failed":
                cleared[run] = cleared.get(run, 0) + 1
                why = failed_tasks(run)
                assert cleared[run] <= CLEARS, f"{run} failed though it was cleared: {why}"
                print(f"  cleared {run[0]} {run[1]}: {', '.join(why)}", flush=True)
                clear(run, only_failed=cleared[run] < CLEARS)
        if set(states.values()) == {"success"}:
            return sum(cleared.values())
        assert time.monotonic() - started < LIMIT_S, f"{states}"
        hurry()
        time.sleep(0.5)


def ended(runs: Sequence[Run]) -> list[str]:
    """Wait until runs are over, whatever came of them; their states."""

    def are_over() -> bool:
        hurry()
        return all(state_of(run) in OVER for run in runs)

    wait_until(are_over, f"the end of {runs}")
    return [state_of(run) for run in runs]


def log_of(run: Run, task_id: str) -> str:
    """What the attempts of a task logged."""
    folder = settings().home / "airflow" / "logs" / f"dag_id={run[0]}" / f"run_id={run[1]}"
    logs = sorted((folder / f"task_id={task_id}").glob("*.log"))
    return "\n".join(log.read_text(encoding="utf-8") for log in logs)


def state_of(run: Run) -> str:
    """State of a run."""
    ((state,),) = airflow("select state from dag_run where dag_id = %s and run_id = %s", *run)
    return str(state)


def failed_tasks(run: Run) -> list[str]:
    """Its tasks that failed."""
    tasks = (
        "select task_id from task_instance where dag_id = %s and run_id = %s and state = 'failed'"
    )
    return [task for (task,) in airflow(tasks, *run)]


def clear(run: Run, *, only_failed: bool) -> None:
    """Clear a run, as its button in Airflow's UI does."""
    call("POST", f"dags/{run[0]}/clearTaskInstances", {
        "dry_run": False, "dag_run_id": run[1], "only_failed": only_failed,
        "reset_dag_runs": True, "include_downstream": True,
    })  # fmt: skip


def hurry() -> None:
    """Let what waits for its next attempt begin it now, in runs that runs started, too."""
    with psycopg.connect(database_url(settings(), "airflow")) as connection:
        connection.execute(
            "update task_instance t set retry_delay_override = 0.5 from dag_run r "
            "where r.dag_id = t.dag_id and r.run_id = t.run_id and r.run_type <> 'scheduled' "
            "and t.state = 'up_for_retry'"
        )
