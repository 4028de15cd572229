"""Postgres crashes while a day is published, a disk is full while it is staged: tried again, equal.

make test-backfill SUITES=hardships
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from include.days import Days
from include.embedded.postgres import start_postgres
from include.lake.refresh import list_stale
from include.settings import PROJECT, Settings
from tests.backfill import market
from tests.backfill.market import DAYS
from tests.integration.nights import checksums, steps
from tests.integration.test_pipeline import lake

pytestmark = pytest.mark.hardships

CRASHES = 24
TRIES = 4
BUILD = """
import sys
from include.days import Days
from datetime import date
from tests.integration.nights import steps

day = date.fromisoformat(sys.argv[1])
steps(Days(day, day), sys.argv[2])["build"]()
"""


def crash_postgres(chosen: Settings) -> None:
    """End the server as a crash would, and start it again."""
    pid = int((chosen.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    server = psutil.Process(pid)
    server.send_signal(signal.SIGQUIT)
    server.wait(timeout=30)
    start_postgres(chosen)


def test_postgres_crashes_while_days_are_published(empty: Settings, server: Settings) -> None:
    market.day_by_day()
    undisturbed, draws = checksums(empty), random.Random(3)
    crashes = failed = turn = 0
    usual_s = 1.0
    while crashes < CRASHES:
        turn += 1
        # Other rows each time, or nothing would be committed.
        market.correct(empty, seed=turn)
        tasks = steps(Days(market.CORRECTED, market.CORRECTED), f"crash {turn}")
        tasks["build"]()
        for attempt in range(TRIES):
            wrong: list[Exception] = []
            started = time.monotonic()
            thread = threading.Thread(target=lambda: _both(tasks, wrong))  # noqa: B023
            thread.start()
            if attempt < TRIES - 2:
                time.sleep(draws.uniform(0.0, usual_s))
                crash_postgres(server)
                crashes += 1
            thread.join()
            if not wrong:
                usual_s = min(usual_s, time.monotonic() - started)
                break
            failed += 1
        assert not wrong, f"it failed without a crash: {wrong[0]}"
    market.land(empty)
    lake(Days(market.CORRECTED, market.CORRECTED), "as it was")
    market.refresh("after crashes")
    assert list_stale() == []
    assert checksums(empty) == undisturbed
    print(f"  {crashes} crashes of Postgres, {failed} attempts failed, 0 differences", flush=True)
    assert failed > CRASHES / 4, "crashes that nobody notices prove nothing"


def _both(tasks: dict[str, Callable[[], object]], wrong: list[Exception]) -> None:
    try:
        tasks["gate"]()
        tasks["publish"]()
    except Exception as error:
        wrong.append(error)


@pytest.mark.parametrize("most_kib", [2, 20])
def test_a_file_that_can_not_grow_while_a_day_is_staged(empty: Settings, most_kib: int) -> None:
    """As on a full disk, but for the number of the error: a limit needs no mount."""
    days = list(DAYS)
    for day in days[:3]:
        lake(Days(day, day))
    before, day = checksums(empty), days[3]
    # Not what a session within this process left there.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    full = subprocess.run(
        ["bash", "-c", f'ulimit -f {most_kib}; exec "$@"', "-",
         sys.executable, "-c", BUILD, f"{day}", "full"],
        cwd=PROJECT, env=clean | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    said = (full.stdout + full.stderr).strip().splitlines()
    print(f"  files of {most_kib} KiB at most: {said[-1][:160]}", flush=True)
    assert full.returncode != 0
    assert any("failed: " in line for line in said), "no sentence says why"
    assert checksums(empty) == before
    lake(Days(day, day), "full")
    assert checksums(empty, Days(day, day))["core.events"][0] > 0
    again = checksums(empty)
    lake(Days(day, day), "undisturbed")
    assert checksums(empty) == again
