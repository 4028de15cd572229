"""`train_weekly` with a pod for each experiment, on the real data of `make run`.

Needs a one-node cluster on this machine, whose pods can see its folders, and the image of `make
training-image`. While the first pod runs, the Airflow worker that watches it is killed. Prints how
long each pod was queued, pulling, running and collected. A person is asked before the promotion,
and answers; then the champion is rolled back.
"""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator

import psutil
import pytest
import yaml

from include.settings import settings
from tests.acceptance.airflow_runs import airflow, trigger, wait_for_success
from tests.acceptance.commands import run, say, sql
from tests.acceptance.on_cluster import NAMESPACE, kubectl, pod_settings

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("airflow_with_pods")]

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


@pytest.fixture(scope="module")
def airflow_with_pods(
    after_make_run: None, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Airflow, up while this module runs, with a pod for each fit and a person who is asked."""
    path = tmp_path_factory.mktemp("configuration") / "kubernetes.yaml"
    path.write_text(yaml.safe_dump(pod_settings(settings().home)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROPENSITY_TRAINING", "kubernetes")
        patch.setenv("PROPENSITY_APPROVAL", "true")
        patch.setenv("PROPENSITY_KUBERNETES", str(path))
        for key, value in SILENCE.items():
            patch.setenv(f"AIRFLOW__SCHEDULER__{key}", value)
        settings.cache_clear()
        try:
            say(run("make", "-s", "up").strip())
            yield
        finally:
            run("make", "-s", "down")
    settings.cache_clear()


def test_a_week_is_trained_though_a_worker_is_killed_and_a_person_is_asked() -> None:
    most, is_killed, answered = 0, False, 0

    def states() -> list[str]:
        nonlocal most, is_killed, answered
        running = kubectl("-n", NAMESPACE, "get", "pods", "--no-headers",
                          "--field-selector=status.phase=Running").splitlines()  # fmt: skip
        most = max(most, len(running))
        if running and not is_killed:
            is_killed = kill_a_worker()
        asks = airflow("select try_number from task_instance where state = 'awaiting_input'")
        if asks and asks[0][0] > answered:
            # A person reads first. An answer within a second of the question may meet Airflow's
            # news that the asking task's process ended: it is taken for lost, and asks again.
            time.sleep(5)
            answer()
            answered = asks[0][0]
        found = airflow(
            "select state from dag_run where dag_id = 'train_weekly' and run_type = 'backfill'"
        )
        return [state for (state,) in found]

    # Not `dags trigger`: the interval of a triggered run is the day before now, whatever its date.
    run("bin/airflow", "backfill", "create", "--dag-id", "train_weekly", "--from-date", FROM,
        "--to-date", TO)  # fmt: skip
    wait_for_success("train_weekly with a pod for each experiment", states)
    assert is_killed, "no worker was killed: the test would say nothing about it"
    assert answered, "nobody was asked"
    say(f"{most} pods at a time at most")
    assert most <= 2, "the pool `gpu` has two slots"


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
            say(f"killed the worker of a running fit ({title.strip()})")
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
    say("a person was asked, and said yes")


def test_each_experiment_was_fitted_once_in_one_pod() -> None:
    log = (settings().home / "airflow.log").read_text(encoding="utf-8", errors="replace")
    say("\n".join(f"  {line}" for line in sorted(set(PHASES.findall(log)))))
    made = kubectl("-n", NAMESPACE, "get", "events", "--no-headers",
                   "--field-selector=reason=Created", "-o", "name")  # fmt: skip
    assert len(made.split()) == EXPERIMENTS


def test_all_experiments_are_compared_and_the_best_is_promoted_with_a_page_about_it() -> None:
    say(sql("select decided_by, summary from analytics.model_decisions "
            "where outcome = 'promoted' order by decided_at desc limit 1"))  # fmt: skip
    assert sql(DECIDED, "analyst") == f"{EXPERIMENTS}|promoted|t"


def test_the_champion_before_comes_back_from_the_day_of_the_one_that_it_follows() -> None:
    trigger("rollback_model", reason="acceptance test")
    assert sql(CHAMPION, "analyst") == "2017-12-24|t"


def test_no_pod_is_left() -> None:
    assert kubectl("-n", NAMESPACE, "get", "pods", "--no-headers") == ""
