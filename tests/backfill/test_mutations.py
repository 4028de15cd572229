"""What holds the tables together is broken on purpose, one thing at a time: a scenario goes red.

    make test-backfill SUITES=mutations

Each is broken in a copy of the checkout, and the scenario that has to notice is run there.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from include.settings import PROJECT

pytestmark = pytest.mark.mutations


@dataclass(frozen=True)
class Mutation:
    """What is replaced where, and who has to notice."""

    path: str
    intact: str
    broken: str
    scenario: str


MUTATIONS = {
    "the lock around commits of the lake": Mutation(
        "include/lake/lock.py",
        "    with held(engine(settings), LakeLock, PUBLISH, WAIT_MS):\n        yield",
        "    yield",
        "tests/lake/test_publish.py -k nobody_else_publishes",
    ),
    "the comparison of inputs": Mutation(
        "include/lake/order.py",
        "        if day in own or not (row.content_number > began or is_cut_off):\n",
        "        if True:\n",
        "tests/backfill/test_orders.py::test_an_attempt_that_was_overtaken",
    ),
    "the cutoff by ingest_date": Mutation(
        "spark_jobs/transforms/as_of.py",
        '        (F.col("ingest_date") <= F.col("feature_date")) & age.between(',
        "        age.between(",
        "tests/backfill/test_orders.py -k day_by_day or one_pass",
    ),
    "the row lock of publications": Mutation(
        "include/predictions/locks.py",
        "    row_locks.lock_row(connection, PublicationLock, EXCHANGE)",
        "    return None",
        "tests/predictions/test_transition.py -k whoever_decides_is_alone",
    ),
    "the freeze of loaded rows": Mutation(
        "include/predictions/loading.py",
        "(format binary, freeze)",
        "(format binary)",
        "tests/predictions/test_publish.py -k older_snapshot",
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout as it is now, without what git ignores; with this checkout's packages."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(PROJECT / ".venv")
    return tmp_path


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_scenario_notices(name: str, copy: Path) -> None:
    mutation = MUTATIONS[name]
    path = copy / mutation.path
    text = path.read_text(encoding="utf-8")
    assert text.count(mutation.intact) == 1, f"{mutation.path} changed: say anew how to break it"
    path.write_text(text.replace(mutation.intact, mutation.broken), encoding="utf-8")
    node, _, chosen = mutation.scenario.partition(" -k ")
    # Not what a session within this process left there.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", node,
         *(["-k", chosen] if chosen else [])],
        cwd=copy, env=clean | {"PYTHONPATH": str(copy)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    last = [line for line in ended.stdout.splitlines() if line.strip()][-3:]
    print(f"  without {name}: " + " | ".join(last), flush=True)
    # 1: tests failed. Anything else: they couldn't be run.
    assert ended.returncode == 1, f"{ended.stdout[-3000:]}\n{ended.stderr[-2000:]}"
    assert " error" not in last[-1], ended.stdout[-3000:]
