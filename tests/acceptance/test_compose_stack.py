"""The whole stack for real: build, up, main job with two kills, SQL from outside, down, up again.

Needs a Docker engine with docker-compose 1.29 or Compose v2, and the two base images. Works on a
project of its own, with volumes of its own, on ports of its own. The main job and the kills have a
marker of their own, `main_job`: they take most of the time.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import psycopg
import psycopg.errors
import pytest

from include.embedded.postgres import psql_path
from tests.acceptance.airflow_runs import DAGS
from tests.acceptance.commands import PROJECT, run, say

pytestmark = [pytest.mark.compose, pytest.mark.usefixtures("stack")]

PORTS = {"UI_PORT": "18081", "POSTGRES_PORT": "15433", "MLFLOW_PORT": "15001",
         "SPARK_UI_PORT": "18082"}  # fmt: skip
UI = f"http://127.0.0.1:{PORTS['UI_PORT']}"
# Enough weeks for examples; until Christmas it takes four times as long.
DAY = "2017-02-26"
LIMIT_S = 900
PUBLISHED = (
    "select score_date, checksum from predictions.publications where status = 'published' "
    "order by score_date"
)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[None]:
    """The stack, healthy, and gone with its volumes afterwards; its logs if anything failed."""
    before, is_well = request.session.testsfailed, False
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PORTS.items():
            patch.setenv(name, value)
        patch.setenv("COMPOSE_PROJECT_NAME", "propensity-acceptance")
        patch.setenv("COMPOSE", " ".join(compose_command()))
        run(sys.executable, "docker/write_env.py")
        compose("down", "-v", "--remove-orphans")
        try:
            started = time.monotonic()
            compose("build", "-q")
            say(f"image built in {time.monotonic() - started:.0f} s")
            started = time.monotonic()
            say(run("make", "-s", "compose-up").strip())
            say(f"healthy after {time.monotonic() - started:.0f} s, sample data included")
            yield
            is_well = request.session.testsfailed == before
        finally:
            if not is_well:
                say(compose("ps") + compose("logs", "--tail=60")[-12_000:])
            compose("down", "-v", "--remove-orphans")


@cache
def compose_command() -> tuple[str, ...]:
    if given := os.environ.get("COMPOSE"):
        return tuple(given.split())
    probe = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ("docker", "compose") if probe.returncode == 0 else ("docker-compose",)


def compose(*arguments: str) -> str:
    return run(*compose_command(), *arguments)


def secret(key: str) -> str:
    lines = (PROJECT / ".env").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith(f"{key}="))


def query(role: str, database: str, text: str, *values: Any) -> list[tuple[Any, ...]]:
    password = secret({"postgres": "POSTGRES_PASSWORD", "analyst_login": "ANALYST_PASSWORD"}[role])
    address = f"host=127.0.0.1 port={PORTS['POSTGRES_PORT']} user={role} dbname={database}"
    with psycopg.connect(address, password=password, autocommit=True) as connection:
        return connection.execute(text, values).fetchall()


def wait_until(what: str, is_so: Callable[[], bool]) -> float:
    started = time.monotonic()
    while time.monotonic() - started < LIMIT_S:
        try:
            if is_so():
                return time.monotonic() - started
        except psycopg.OperationalError:
            pass  # Postgres isn't up yet
        time.sleep(1)
    raise TimeoutError(f"not within {LIMIT_S} s: {what}")


def test_memory_limits_fit_into_8_gib() -> None:
    found = json.loads(run("docker", "inspect", *compose("ps", "-q").split()))
    limits = {
        one["Config"]["Labels"]["com.docker.compose.service"]: one["HostConfig"]["Memory"]
        for one in found
        if one["State"]["Running"]
    }
    every = sum(limits.values()) / 2**30
    say(f"memory limits of {len(limits)} services, {every:.2f} GiB in all")
    assert all(limits.values()), limits
    assert every <= 8


def test_airflow_asks_who_one_is() -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{UI}/api/v2/dags")
    refused.value.close()
    assert refused.value.code == 401


def test_and_shows_the_admin_every_dag() -> None:
    body = json.dumps({"username": "admin", "password": secret("ADMIN_PASSWORD")}).encode()
    request = urllib.request.Request(f"{UI}/auth/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        token = json.load(answer)["access_token"]
    listing = urllib.request.Request(
        f"{UI}/api/v2/dags", headers={"Authorization": f"Bearer {token}"}
    )

    def are_parsed() -> bool:
        with urllib.request.urlopen(listing) as answer:
            return {dag["dag_id"] for dag in json.load(answer)["dags"]} == DAGS

    wait_until(f"the admin sees {sorted(DAGS)}", are_parsed)


@pytest.mark.main_job
def test_the_main_job_ends_well_though_a_worker_and_the_scheduler_are_killed() -> None:
    started = time.monotonic()
    process = subprocess.Popen(["make", "-s", "compose-run", f"DAY={DAY}"], cwd=PROJECT)
    killed: dict[str, float] = {}

    def kills() -> None:
        wait_until("lake_history builds", lambda: is_running("lake_history", "lake.build", 15))
        killed["worker"] = time.monotonic()
        kill("spark-worker-1", "java")
        wait_until("a fit runs", lambda: is_running("train_weekly", "fit", 2))
        killed["scheduler"] = time.monotonic()
        kill("airflow-scheduler", "airflow scheduler")

    threading.Thread(target=kills, daemon=True).start()
    assert process.wait() == 0
    ended = time.monotonic()
    since = ", ".join(f"{ended - when:.0f} s after the {who} was" for who, when in killed.items())
    say(f"main job in {ended - started:.0f} s; killed in the middle: {since}")
    assert set(killed) == {"worker", "scheduler"}, "the main job ended before both were killed"
    tries = query("postgres", "airflow", "select dag_id, task_id, try_number from task_instance "
                  "where try_number > 1 and state = 'success' order by 1, 2")  # fmt: skip
    say(f"tasks that were tried again: {tries}")


def is_running(dag_id: str, task_id: str, seconds: int) -> bool:
    running = (
        "select 1 from task_instance where dag_id = %s and task_id = %s and state = 'running' "
        "and start_date < now() - make_interval(secs => %s)"
    )
    return bool(query("postgres", "airflow", running, dag_id, task_id, seconds))


def kill(service: str, pattern: str) -> None:
    """Kill a service's processes as a crash would; Docker starts its container again."""
    before = state(service)["StartedAt"]
    subprocess.run(
        ["docker", "exec", container(service), "pkill", "-9", "-f", pattern], check=False
    )
    say(f"killed {service}")
    took = wait_until(f"{service} started again", lambda: (
        state(service)["StartedAt"] != before and state(service)["Health"]["Status"] == "healthy"
    ))  # fmt: skip
    say(f"{service} is healthy again {took:.0f} s after it was killed")


def container(service: str) -> str:
    return compose("ps", "-q", service).strip()


def state(service: str) -> dict[str, Any]:
    return dict(json.loads(run("docker", "inspect", container(service)))[0]["State"])


@pytest.mark.main_job
def test_the_analyst_reads_every_campaign_of_every_user() -> None:
    ((rows, campaigns),) = query(
        "analyst_login", "warehouse", "select count(*), count(distinct campaign_id) "
        "from predictions.latest_campaign_propensity",
    )  # fmt: skip
    assert campaigns == 8
    assert rows % 8 == 0
    assert rows > 10_000


def test_the_analyst_reads_no_contact_data() -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        query("analyst_login", "warehouse", "select * from pii.contacts")
    say(f"refused: {str(refused.value).splitlines()[0]}")


@pytest.mark.parametrize("name", ["latest_campaign_propensity", "campaign_propensity"])
def test_psql_explains_the_columns_to_the_analyst(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", secret("ANALYST_PASSWORD"))
    address = (
        "-h",
        "127.0.0.1",
        "-p",
        PORTS["POSTGRES_PORT"],
        "-U",
        "analyst_login",
        "-d",
        "warehouse",
    )
    described = run(str(psql_path()), "-X", *address, "-c", rf"\d+ predictions.{name}")
    say(described)
    assert "Probability that the user reacts within the campaign's horizon" in described


def test_down_and_up_again_the_data_is_still_there() -> None:
    before = query("postgres", "warehouse", PUBLISHED)
    compose("down")
    started = time.monotonic()
    run("make", "-s", "compose-up")
    say(f"down, and healthy again after {time.monotonic() - started:.0f} s")
    assert query("postgres", "warehouse", PUBLISHED) == before
