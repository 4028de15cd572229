"""Kills what runs tasks, at moments drawn at random: SIGKILL, which nobody can catch."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil
import psycopg

from include.database.address import database_url
from include.settings import settings

SHARE = 0.9
"""Of the attempts that are killed."""
MOST_OF_A_TASK = 2
"""Kills of one task of one run: its last attempt is left alone, or nobody would see it end."""
KINDS = {"task": 0.55, "driver": 0.35, "worker": 0.1}
"""What is killed: the task's process; the Spark job or the fit below it; the task's process and
the executor's worker above it."""
RUNNING = (
    "select t.id::text, t.dag_id, t.run_id, t.task_id, t.map_index, t.try_number "
    "from task_instance t join dag_run r using (dag_id, run_id) "
    # Tonight's runs wait for files that nobody sends.
    "where t.state = 'running' and r.run_type <> 'scheduled'"
)
SHORTEST_S = 0.8
DRIVERS = ("spark_jobs.", "include.models.fit")

Task = tuple[str, str, str, int]
"""DAG, run, task, map index."""


@dataclass
class Killer(threading.Thread):
    """Kills until it is told to stop."""

    seed: int
    typical_s: dict[tuple[str, str], float]
    """How long a task takes, by DAG and task: a moment is drawn from it."""
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Make it a thread."""
        super().__init__(daemon=True)
        self.random = random.Random(self.seed)
        self.over = threading.Event()
        self.due: dict[str, tuple[float, str]] = {}
        self.of_task: Counter[Task] = Counter()

    def __hash__(self) -> int:
        """Threads are kept in sets."""
        return id(self)

    def run(self) -> None:
        """Kill."""
        url = database_url(settings(), "airflow")
        with psycopg.connect(url, autocommit=True) as connection:
            while not self.over.is_set():
                running = connection.execute(RUNNING).fetchall()
                self._look(running)
                time.sleep(0.05)

    def stop(self) -> None:
        """Kill nobody any more."""
        self.over.set()
        self.join()

    def _look(self, running: list[tuple[str, str, str, str, int, int]]) -> None:
        now = time.monotonic()
        for number, dag_id, run_id, task_id, index, attempt in running:
            key, task = f"{number} {attempt}", (dag_id, run_id, task_id, index)
            if key not in self.due:
                wanted = self.random.random() < SHARE and self.of_task[task] < MOST_OF_A_TASK
                length = max(self.typical_s.get((dag_id, task_id), 0.0), SHORTEST_S)
                after = self.random.uniform(0.0, length) if wanted else float("inf")
                (kind,) = self.random.choices([*KINDS], [*KINDS.values()])
                self.due[key] = (now + after, kind)
            at, kind = self.due[key]
            if now >= at and (did := kill(number, kind)):
                self.due[key] = (float("inf"), kind)
                self.of_task[task] += 1
                self.killed[dag_id, task_id] += 1
                self.kinds[did] += 1


def kill(number: str, kind: str) -> str:
    """Kill what runs a task instance.

    Returns:
        What was killed; empty: nothing, since it has ended or not begun.
    """
    for process in psutil.process_iter(["cmdline"]):
        if " ".join(process.info["cmdline"] or []).strip() != f"airflow worker -- {number}":
            continue
        try:
            drivers = [
                child for child in process.children(recursive=True)
                if any(name in " ".join(child.cmdline()) for name in DRIVERS)
            ]  # fmt: skip
            if kind == "driver" and drivers:
                drivers[-1].kill()
                return "driver"
            worker = process.parent() if kind == "worker" else None
            if worker is not None:
                worker.kill()
            process.kill()
        except psutil.NoSuchProcess:
            return ""
        return "worker" if worker is not None else "task"
    return ""
