"""Every task of every DAG, killed at a random moment: the tables end as if nobody had.

    make test-backfill SUITES=killed

The same work twice on the same real data, the week after `make run`: first undisturbed, then with
whatever runs tasks killed again and again. Only Airflow's retries and clearing a failed run bring
it to its end.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import PROJECT, settings
from tests.acceptance.commands import run, say
from tests.backfill.contents import Contents, contents, differences, table
from tests.backfill.killer import Killer
from tests.backfill.story import STEPS, correct_a_day, told, typical_s, work_again

pytestmark = pytest.mark.killed

HOME = PROJECT / ".local" / "backfill"
KILLS = int(os.environ.get("KILLS", "200"))
SEED = int(os.environ.get("SEED", "1"))
# Airflow gives a worker up that hasn't been heard of for so long; five minutes by default.
SILENCE = {"TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20", "TASK_INSTANCE_HEARTBEAT_SEC": "5",
           "TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5"}  # fmt: skip


@pytest.fixture(scope="module")
def home(laptop: None) -> Iterator[Path]:
    """An installation of the harness' own, as `make run` leaves it, and a copy of it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            patch.delenv(name, raising=False)
        patch.setenv("PROPENSITY_HOME", str(HOME / "home"))
        for key, value in SILENCE.items():
            patch.setenv(f"AIRFLOW__SCHEDULER__{key}", value)
        settings.cache_clear()
        run("make", "-s", "down")
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        with told("make run"):
            run("make", "-s", "run")
        run("make", "-s", "down")
        run("cp", "-a", f"{HOME}/home", f"{HOME}/before")
        try:
            yield HOME
        finally:
            run("make", "-s", "down")
    settings.cache_clear()


def test_killed_anywhere_and_no_table_differs(home: Path) -> None:
    run("make", "-s", "up")
    for step in STEPS:
        with told(f"{step.__name__}, undisturbed"):
            cleared = step()
        # Who builds the same days at once may be told to begin again.
        assert not cleared or step is correct_a_day, "a run failed though nobody was killed"
    undisturbed, typical = contents(settings()), typical_s()
    run("make", "-s", "down")
    shutil.rmtree(home / "home")
    run("cp", "-a", f"{home}/before", f"{home}/home")

    run("make", "-s", "up")
    killer = Killer(SEED, typical)
    killer.start()
    cleared = 0
    try:
        for step in STEPS:
            with told(f"{step.__name__}, {killer.killed.total()} kills so far"):
                cleared += step()
        while killer.killed.total() < KILLS:
            with told(f"work_again, {killer.killed.total()} kills so far"):
                cleared += work_again()
    finally:
        killer.stop()
    show(killer, undisturbed, cleared)
    wrong = differences(undisturbed, contents(settings()))
    for line in wrong:
        say(f"  DIFFERS  {line}")
    say(f"{killer.killed.total()} kills, {len(wrong)} differences")
    assert not wrong
    assert {dag_id for dag_id, _ in killer.killed} == {dag_id for dag_id, _ in typical}


def show(killer: Killer, found: Contents, cleared: int) -> None:
    """Print what was killed, and what the tables hold."""
    by_dag = Counter[str]()
    for (dag_id, task_id), count in sorted(killer.killed.items()):
        say(f"  {count:4} kills  {dag_id}.{task_id}")
        by_dag[dag_id] += count
    say(f"  by DAG: {dict(by_dag)}; by what: {dict(killer.kinds)}; runs cleared: {cleared}")
    say("\n".join(table(found)))
