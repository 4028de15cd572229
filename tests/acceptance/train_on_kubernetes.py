"""`train_weekly` with a pod for each experiment, on the real data of `make run`.

    KUBECONFIG=… bin/python tests/acceptance/train_on_kubernetes.py

Needs a one-node cluster on this machine, whose pods can see its folders, and the image of `make
training-image`. While the first pod runs, the Airflow worker that watches it is killed. Prints how
long each pod was queued, pulling, running and collected. A person is asked before the promotion,
and answers; then the champion is rolled back.
"""

import json
import os
import re
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import yaml

from include.settings import settings
from tests.acceptance.airflow_runs import airflow, expect, run, sql, trigger
from tests.acceptance.on_cluster import NAMESPACE, kubectl, pod_settings

# A week before the champion of `make run`, so that nobody stands in the candidate's way. Weekly
# runs start at 06:00: the range has to reach past that for Monday, the 18th, to be in it.
FROM, TO = "2017-12-18", "2017-12-19"
EXPERIMENTS = 4
# Airflow gives a worker up that hasn't been heard of for so long; five minutes by default.
SILENCE = {"TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20", "TASK_INSTANCE_HEARTBEAT_SEC": "5",
           "TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5"}  # fmt: skip
DECIDED = (
    "select (select count(distinct experiment) from analytics.model_comparison c "
    "where c.as_of_date = d.as_of_date and experiment !~ '^baseline'), outcome, model_card <> '' "
    "from analytics.model_decisions d where training_run like '%backfill__2017-12-18%'"
)
CHAMPION = (
    "select from_date, training_run is null from analytics.champions "
    "order by champion_id desc limit 1"
)
PHASES = re.compile(r"\[pod\] (\w+: queued [\d.]+ s, pulling [\d.]+ s, running [\d.]+ s, "
                    r"collecting [\d.]+ s)")  # fmt: skip


def configure(home: Path) -> str:
    path = Path(tempfile.mkdtemp()) / "kubernetes.yaml"
    path.write_text(yaml.safe_dump(pod_settings(home)), encoding="utf-8")
    return str(path)


def kill_a_worker() -> bool:
    """Kill whoever watches a running pod: the task's process and the executor's worker above it."""
    watching = airflow(
        "select id::text from task_instance where dag_id = 'train_weekly' and task_id = 'fit' "
        "and state = 'running' order by start_date"
    )
    for process in psutil.process_iter(["cmdline"]):
        title = " ".join(process.info["cmdline"] or [])
        if watching and title.strip() == f"airflow worker -- {watching[0][0]}":
            worker = process.parent()
            for one in (worker, process):
                if one is not None:
                    one.kill()
            print(f"ok: killed the worker of a running fit ({title.strip()})", flush=True)
            return True
    return False


def answer() -> None:
    """Say yes, as a person would in Airflow's UI."""
    url = f"http://localhost:{settings().ui_port}"
    with urllib.request.urlopen(f"{url}/auth/token") as given:
        token = json.load(given)["access_token"]
    ((run_id,),) = airflow(
        "select run_id from task_instance where dag_id = 'train_weekly' and task_id = 'ask' "
        "and state = 'awaiting_input'"
    )
    path = f"dags/train_weekly/dagRuns/{urllib.parse.quote(run_id)}/taskInstances/ask/-1"
    request = urllib.request.Request(
        f"{url}/api/v2/{path}/hitlDetails", json.dumps({"chosen_options": ["Promote"]}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, method="PATCH",
    )  # fmt: skip
    urllib.request.urlopen(request).close()
    print("ok: a person was asked, and said yes", flush=True)


def train() -> None:
    # Not `dags trigger`: the interval of a triggered run is the day before now, whatever its date.
    run("bin/airflow", "backfill", "create", "--dag-id", "train_weekly", "--from-date", FROM,
        "--to-date", TO)  # fmt: skip
    started, most, state, is_killed, is_answered = time.monotonic(), 0, "", False, False
    while state not in ("success", "failed"):
        if time.monotonic() - started > 900:
            sys.exit("FAILED: train_weekly did not end")
        time.sleep(1)
        running = "--field-selector=status.phase=Running"
        listed = kubectl("-n", NAMESPACE, "get", "pods", "--no-headers", running)
        most = max(most, len(listed.splitlines()))
        asks = "select 1 from task_instance where state = 'awaiting_input'"
        if not is_answered and airflow(asks):
            answer()
            is_answered = True
        if listed and not is_killed:
            is_killed = kill_a_worker()
        found = airflow(
            "select state from dag_run where dag_id = 'train_weekly' and run_type = 'backfill'"
        )
        state = found[0][0] if found else ""
    if state != "success":
        sys.exit(f"FAILED: train_weekly: {state}")
    if not is_killed:
        sys.exit("FAILED: no worker was killed: the test would say nothing about it")
    print(f"ok: train_weekly with a pod for each experiment in {time.monotonic() - started:.0f} s")
    if most > 2:
        sys.exit(f"FAILED: {most} pods ran at a time, and the pool `gpu` has two slots")
    print(f"ok: {most} pods at a time at most", flush=True)


def main() -> None:
    kubectl("create", "namespace", NAMESPACE)
    try:
        os.environ |= {"PROPENSITY_TRAINING": "kubernetes", "PROPENSITY_APPROVAL": "true"}
        os.environ["PROPENSITY_KUBERNETES"] = configure(settings().home)
        settings.cache_clear()
        for key, value in SILENCE.items():
            os.environ[f"AIRFLOW__SCHEDULER__{key}"] = value
        print(run("make", "up").strip(), flush=True)
        train()
        made = kubectl("-n", NAMESPACE, "get", "events", "--no-headers",
                       "--field-selector=reason=Created", "-o", "name")  # fmt: skip
        expect("each experiment was fitted once, in one pod", str(len(made.split())),
               str(EXPERIMENTS))  # fmt: skip
        log = (settings().home / "airflow.log").read_text(encoding="utf-8", errors="replace")
        found = sorted(set(PHASES.findall(log)))
        print("\n".join(f"  {line}" for line in found), flush=True)
        expect("all experiments are compared, and the best is promoted with a page about it",
               sql(DECIDED, "analyst"), f"{EXPERIMENTS}|promoted|t")  # fmt: skip
        print(sql("select decided_by, summary from analytics.model_decisions "
                  "where outcome = 'promoted' order by decided_at desc limit 1"))  # fmt: skip
        trigger("rollback_model", reason="acceptance test")
        expect("the champion before is back, from the day of the one that it follows",
               sql(CHAMPION, "analyst"), "2017-12-24|t")  # fmt: skip
        left = kubectl("-n", NAMESPACE, "get", "pods", "--no-headers")
        expect("no pod is left", left, "")
    finally:
        print(run("make", "down").strip(), flush=True)
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    print("all passed, 0 failed")


if __name__ == "__main__":
    main()
