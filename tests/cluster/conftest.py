"""A Spark cluster of three processes on this machine: a master and two workers of one core."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyspark
import pytest

BIN = Path(pyspark.__file__).parent / "bin"
EXECUTOR = "CoarseGrainedExecutorBackend"
DEPLOY = "org.apache.spark.deploy"
# Nothing of this project: what executors know of it, they are handed.
BARE = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}


@dataclass
class Cluster:
    """The running cluster."""

    master: str
    workers: list[subprocess.Popen[bytes]]

    def executors(self, worker: int) -> list[psutil.Process]:
        """The executors that a worker runs now."""
        found = []
        for process in psutil.Process(self.workers[worker].pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it just ended, or is a zombie
                if EXECUTOR in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def kill_worker(self, worker: int) -> None:
        """`kill -9` a worker and what it runs, as a machine that goes dark."""
        kill_all(self.workers[worker].pid)


def kill_all(pid: int) -> None:
    """`kill -9` a process and all that it started."""
    process = psutil.Process(pid)
    for one in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.fail("a Spark cluster needs Java 17: install it, or set JAVA_HOME")
    folder = tmp_path_factory.mktemp("spark")
    environment = BARE | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "192m",
                          "PYSPARK_PYTHON": sys.executable}  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            started.append(
                subprocess.Popen(
                    [str(BIN / "spark-class"), *arguments],
                    env=environment,
                    cwd=folder,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
        return log

    try:
        log = start("master", f"{DEPLOY}.master.Master", "--host", "127.0.0.1", "--port", "0",
                    "--webui-port", "0")  # fmt: skip
        master = said(log, r"Starting Spark master at (spark://\S+)")
        for number in (1, 2):
            log = start(f"worker-{number}", f"{DEPLOY}.worker.Worker", "--cores", "1", "--memory",
                        "1g", "--webui-port", "0", "--work-dir", str(folder / f"work-{number}"),
                        master)  # fmt: skip
            said(log, r"(Successfully registered with master)")
        yield Cluster(master, started[1:])
    finally:
        for process in started:
            if process.poll() is None:
                kill_all(process.pid)
            process.wait()


def said(log: Path, pattern: str, limit_s: float = 60) -> str:
    """What a process printed that fits; waits for it."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.2)
    raise AssertionError(f"{log.name} never said {pattern}: {log.read_text()[-2000:]}")
