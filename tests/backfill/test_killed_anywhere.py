"""Every task of every DAG, killed at a random moment: the tables end as if nobody had.

    make test-backfill SUITES=killed

The same work twice on the same real data, the week after `make run`: first undisturbed, then with
whatever runs tasks killed again and again. Only Airflow's retries and clearing a failed run bring
it to its end.
"""

import os
from collections import Counter

import pytest

from include.settings import settings
from tests.acceptance.commands import say
from tests.backfill.contents import Contents, contents, differences, table
from tests.backfill.killer import Killer
from tests.backfill.own_home import begin_again
from tests.backfill.story import STEPS, correct_a_day, told, typical_s, work_again

pytestmark = pytest.mark.killed

KILLS = int(os.environ.get("KILLS", "200"))
SEED = int(os.environ.get("SEED", "1"))


def test_killed_anywhere_and_no_table_differs(home: None) -> None:
    begin_again()
    for step in STEPS:
        with told(f"{step.__name__}, undisturbed"):
            cleared = step()
        # Who builds the same days at once may be told to begin again.
        assert not cleared or step is correct_a_day, "a run failed though nobody was killed"
    undisturbed, typical = contents(settings()), typical_s()

    begin_again()
    killer = Killer(SEED, typical)
    killer.start()
    cleared = 0
    try:
        *before, last = STEPS
        for step in before:
            with told(f"{step.__name__}, {killer.killed.total()} kills so far"):
                cleared += step()
        # Before a user is erased: sums over all users that are made afterwards are without them.
        while killer.killed.total() < KILLS:
            with told(f"work_again, {killer.killed.total()} kills so far"):
                cleared += work_again()
        with told(f"{last.__name__}, {killer.killed.total()} kills so far"):
            cleared += last()
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
