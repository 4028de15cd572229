"""Airflow in the background: started in a process group of its own, ended as a group."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from include.embedded.environment import airflow_environment
from include.embedded.postgres import stop_postgres
from include.embedded.setup import archive_classes, ensure_set_up
from include.errors import PipelineError
from include.settings import PROJECT, Settings

READY_S = 180
# What a fresh `airflow standalone` needs to hand its tasks back before it is killed.
TERM_S = 20


def up(settings: Settings) -> None:
    """Start Airflow unless it runs, and wait until it answers.

    Raises:
        PipelineError: It ended, or didn't answer in time; the text names its log.
    """
    ensure_set_up(settings)
    url = f"http://localhost:{settings.ui_port}"
    if _members(settings):
        print(f"Airflow runs already: {url}", flush=True)
        return
    log = settings.home / "airflow.log"
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(PROJECT / ".venv" / "bin" / "airflow"), "standalone"],
            env=airflow_environment(settings),
            cwd=PROJECT,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    since = psutil.Process(process.pid).create_time()
    _session_path(settings).write_text(f"{process.pid} {since}", encoding="utf-8")
    # The scheduler takes half a minute to get going; the class archive is made meanwhile.
    archive_classes(settings)
    while time.monotonic() - started < READY_S:
        if process.poll() is not None:
            raise PipelineError(f"Airflow ended with exit code {process.returncode}: see {log}")
        if _answers(f"{url}/api/v2/monitor/health"):
            print(f"Airflow is ready after {time.monotonic() - started:.0f} s: {url}", flush=True)
            return
        time.sleep(1)
    raise PipelineError(f"Airflow did not answer within {READY_S} s: see {log}")


def down(settings: Settings) -> None:
    """End Airflow with all its processes, then Postgres.

    Raises:
        PipelineError: A process outlived being killed.
    """
    pids = _members(settings)
    if pids:
        print(f"stopping Airflow ({len(pids)} processes)", flush=True)
        _signal(pids, signal.SIGTERM)
        deadline = time.monotonic() + TERM_S
        while _members(settings) and time.monotonic() < deadline:
            time.sleep(0.5)
        # Airflow's components start sessions of their own, so the group alone isn't all of them.
        for _ in range(20):
            rest = _members(settings)
            if not rest:
                break
            _signal(rest, signal.SIGKILL)
            time.sleep(0.5)
        else:
            raise PipelineError(f"processes {_members(settings)} could not be stopped")
    _session_path(settings).unlink(missing_ok=True)
    if stop_postgres(settings):
        print("stopped Postgres", flush=True)


def _members(settings: Settings) -> list[int]:
    """Processes of this installation's Airflow, wherever they were started from.

    They are known by their AIRFLOW_HOME, which Airflow's API server overwrites when it gives itself
    a name; by the session that `up` opened, which others leave; and by whom they come from.
    """
    home = str(settings.home / "airflow")
    sid = _session(settings)
    found = set()
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == sid or process.environ().get("AIRFLOW_HOME") == home:
                found |= {process, *process.children(recursive=True)}
        except (psutil.Error, ProcessLookupError):
            continue
    return sorted(
        process.pid for process in found if process.pid != os.getpid() and _is_alive(process)
    )


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _session_path(settings: Settings) -> Path:
    return settings.home / "airflow.session"


def _session(settings: Settings) -> int | None:
    """Id of the session that `up` opened, unless it is another's by now."""
    if not _session_path(settings).exists():
        return None
    sid, started = _session_path(settings).read_text(encoding="utf-8").split()
    try:
        is_reused = psutil.Process(int(sid)).create_time() != float(started)
    except psutil.NoSuchProcess:
        is_reused = False  # the kernel gives an id to nobody while its session has a process
    return None if is_reused else int(sid)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
