"""The whole stack for real: build, up, main job with two kills, SQL from outside, down, up again.

    bin/python tests/acceptance/compose.py [--quick]

With --quick without the main job: build, up, accounts, roles, down, up again. Needs a Docker engine
with docker-compose 1.29 or Compose v2, and the two base images. Works on a project of its own, with
volumes of its own, on ports of its own.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import psycopg
import psycopg.errors

from include.embedded.postgres import psql_path
from tests.acceptance.airflow_runs import PROJECT, expect, run

PROJECT_NAME = "propensity-acceptance"
PORTS = {"UI_PORT": "18081", "POSTGRES_PORT": "15433", "MLFLOW_PORT": "15001",
         "SPARK_UI_PORT": "18082"}  # fmt: skip
# Enough weeks for examples; until Christmas it takes four times as long.
DAY = "2017-02-26"
LIMIT_S = 900
DAGS = 8
COUNT = "select count(*), count(distinct campaign_id) from predictions.latest_campaign_propensity"


def compose(*arguments: str) -> str:
    return run(*COMPOSE, *arguments)


def container(service: str) -> str:
    return compose("ps", "-q", service).strip()


def secret(key: str) -> str:
    lines = (PROJECT / ".env").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith(f"{key}="))


def connect(role: str, database: str) -> psycopg.Connection:
    password = secret({"postgres": "POSTGRES_PASSWORD", "analyst_login": "ANALYST_PASSWORD"}[role])
    return psycopg.connect(host="127.0.0.1", port=int(PORTS["POSTGRES_PORT"]), user=role,
                           password=password, dbname=database, autocommit=True)  # fmt: skip


def wait_until(what: str, is_so: Callable[[], bool]) -> float:
    started = time.monotonic()
    while time.monotonic() - started < LIMIT_S:
        try:
            if is_so():
                return time.monotonic() - started
        except psycopg.OperationalError:
            pass  # Postgres isn't up yet
        time.sleep(1)
    sys.exit(f"FAILED: not within {LIMIT_S} s: {what}")


def is_running(dag_id: str, task_id: str, seconds: int) -> bool:
    with connect("postgres", "airflow") as connection:
        return bool(connection.execute(
            "select 1 from task_instance where dag_id = %s and task_id = %s and state = 'running' "
            "and start_date < now() - make_interval(secs => %s)", (dag_id, task_id, seconds),
        ).fetchall())  # fmt: skip


def kill(service: str, pattern: str) -> None:
    """Kill a service's processes as a crash would; Docker starts its container again."""
    before = state(service)["StartedAt"]
    subprocess.run(
        ["docker", "exec", container(service), "pkill", "-9", "-f", pattern], check=False
    )
    print(f"killed {service}", flush=True)
    took = wait_until(f"{service} started again", lambda: (
        state(service)["StartedAt"] != before and state(service)["Health"]["Status"] == "healthy"
    ))  # fmt: skip
    print(f"ok: {service} is healthy again {took:.0f} s after it was killed", flush=True)


def state(service: str) -> dict:  # type: ignore[type-arg]
    return dict(json.loads(run("docker", "inspect", container(service)))[0]["State"])


def main_job_with_kills() -> None:
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
    if process.wait():
        sys.exit("FAILED: the main job")
    ended = time.monotonic()
    if set(killed) != {"worker", "scheduler"}:
        sys.exit(f"FAILED: the main job ended before everything was killed: {killed}")
    since = ", ".join(f"{ended - when:.0f} s after the {who} was" for who, when in killed.items())
    print(f"ok: main job in {ended - started:.0f} s; killed in the middle: {since}", flush=True)
    with connect("postgres", "airflow") as connection:
        tries = connection.execute(
            "select dag_id, task_id, try_number from task_instance where try_number > 1 and "
            "state = 'success' order by 1, 2").fetchall()  # fmt: skip
    print(f"tasks that were tried again: {tries}", flush=True)


def as_a_consumer(is_quick: bool) -> str:
    with connect("analyst_login", "warehouse") as connection:
        rows, campaigns = connection.execute(COUNT).fetchone() or (0, 0)
        if not is_quick:
            expect("the analyst reads every campaign", str(campaigns), "8")
            expect("of every user", str(rows % 8 == 0 and rows > 10_000), "True")
        try:
            connection.execute("select * from pii.contacts")
            sys.exit("FAILED: the analyst read pii.contacts")
        except psycopg.errors.InsufficientPrivilege as error:
            print(f"ok: refused: {str(error).splitlines()[0]}", flush=True)
    tables = ("latest_campaign_propensity", "campaign_propensity")
    commands = [part for name in tables for part in ("-c", rf"\d+ predictions.{name}")]
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
    os.environ["PGPASSWORD"] = secret("ANALYST_PASSWORD")
    print(run(str(psql_path()), "-X", *address, *commands), flush=True)
    with connect("postgres", "warehouse") as connection:
        found = connection.execute(
            "select score_date, checksum from predictions.publications where status = 'published'"
        ).fetchall()
    return str(found)


def the_ui_asks_who_one_is() -> None:
    url = f"http://127.0.0.1:{PORTS['UI_PORT']}"
    try:
        urllib.request.urlopen(f"{url}/api/v2/dags")
        sys.exit("FAILED: Airflow's API answers anybody")
    except urllib.error.HTTPError as error:
        expect("Airflow's API asks who one is", str(error.code), "401")
    body = json.dumps({"username": "admin", "password": secret("ADMIN_PASSWORD")}).encode()
    request = urllib.request.Request(
        f"{url}/auth/token", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        token = json.load(answer)["access_token"]
    listing = urllib.request.Request(
        f"{url}/api/v2/dags", headers={"Authorization": f"Bearer {token}"}
    )

    def are_parsed() -> bool:
        with urllib.request.urlopen(listing) as answer:
            return bool(json.load(answer)["total_entries"] == DAGS)

    wait_until(f"the admin sees {DAGS} DAGs", are_parsed)
    print(f"ok: and shows the admin {DAGS} DAGs", flush=True)


def within_limits() -> None:
    found = json.loads(run("docker", "inspect", *compose("ps", "-q").split()))
    limits = {
        one["Config"]["Labels"]["com.docker.compose.service"]: one["HostConfig"]["Memory"]
        for one in found
        if one["State"]["Running"]
    }
    every = sum(limits.values()) / 2**30
    if not all(limits.values()) or every > 8:
        sys.exit(f"FAILED: memory limits {limits}, {every:.2f} GiB in all")
    print(f"ok: memory limits of {len(limits)} services, {every:.2f} GiB in all", flush=True)


def main(is_quick: bool) -> None:
    os.environ.update(PORTS, COMPOSE_PROJECT_NAME=PROJECT_NAME, COMPOSE=" ".join(COMPOSE))
    run(sys.executable, "docker/write_env.py")
    compose("down", "-v", "--remove-orphans")
    try:
        started = time.monotonic()
        compose("build", "-q")
        print(f"ok: image built in {time.monotonic() - started:.0f} s", flush=True)
        started = time.monotonic()
        print(run("make", "-s", "compose-up"), flush=True)
        print(f"ok: healthy after {time.monotonic() - started:.0f} s, sample data included",
              flush=True)  # fmt: skip
        within_limits()
        the_ui_asks_who_one_is()
        if not is_quick:
            main_job_with_kills()
        before = as_a_consumer(is_quick)
        compose("down")
        started = time.monotonic()
        run("make", "-s", "compose-up")
        print(f"ok: down, and healthy again after {time.monotonic() - started:.0f} s", flush=True)
        with connect("postgres", "warehouse") as connection:
            after = connection.execute(
                "select score_date, checksum from predictions.publications "
                "where status = 'published'").fetchall()  # fmt: skip
        expect("the data is still there", str(after), before)
    except BaseException:
        print(compose("ps"), compose("logs", "--tail=60")[-12_000:], flush=True)
        raise
    finally:
        compose("down", "-v", "--remove-orphans")
    print("all passed, 0 failed" + (": WITHOUT the main job and the kills" if is_quick else ""))


def compose_command() -> list[str]:
    if given := os.environ.get("COMPOSE"):
        return given.split()
    probe = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if probe.returncode == 0 else ["docker-compose"]


if __name__ == "__main__":
    COMPOSE = compose_command()
    main("--quick" in sys.argv[1:])
