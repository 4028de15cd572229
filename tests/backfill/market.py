"""A small market with all that a source does wrong, and the ways to load its nine days."""

import importlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

from include.contracts.lineage import JOBS
from include.days import Days
from include.errors import StaleError
from include.lake.refresh import list_stale, stale_days
from include.landing.sources import synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import Landing
from include.settings import PROJECT, Settings
from tests.integration.nights import steps
from tests.integration.test_pipeline import go, lake

FIRST = date(2026, 3, 1)
DAYS = Days(FIRST, FIRST + timedelta(days=8))
SUNDAYS = (FIRST, FIRST + timedelta(days=7))
TRAFFIC = Traffic(
    users=120, listings=60, categories=6, events_per_day=400, duplicate_share=0.02,
    late_share=0.05, malformed_share=0.01, repeated_share=0.03, contradicting_share=0.01,
    value_share=0.3, refund_share=0.03, new_users_per_day=5, changed_listings_share=0.1,
    is_shuffled=True,
)  # fmt: skip
CORRECTED = FIRST + timedelta(days=3)
"""A day that the source sends again, with other events."""
OVERTAKEN = FIRST + timedelta(days=4)
"""The day after it."""
ONE_DAY = """
import sys
from datetime import date
from include.days import Days
from include.errors import StaleError
from tests.integration.test_pipeline import lake

for text in sys.argv[1:]:
    day = date.fromisoformat(text)
    for attempt in range(20):
        try:
            lake(Days(day, day), f"at once {day}")
            break
        except StaleError as error:
            print("again:", error)
"""


def land(chosen: Settings) -> None:
    """Land all days."""
    synthetic.land(Landing(chosen.landing_uri), TRAFFIC, DAYS)


def correct(chosen: Settings, seed: int = 9) -> None:
    """The source sends one day's events again: fewer, and others."""
    other = Traffic(**{**vars(TRAFFIC), "seed": seed})
    with Landing(chosen.landing_uri).write_day("events", CORRECTED) as writer:
        writer.write(synthetic.events_batch(other, CORRECTED, 0, 300))


def day_by_day() -> None:
    """As the nights do."""
    for day in DAYS:
        lake(Days(day, day))


def in_one_pass() -> None:
    """As `lake_history` does; then the features of all days, which it leaves out."""
    lake(DAYS)


def begin() -> None:
    """The first day has the listings: before it, the gate refuses days without categories."""
    lake(Days(DAYS.first, DAYS.first))


def twice() -> None:
    """Every day is built again at once."""
    for day in DAYS:
        lake(Days(day, day))
        lake(Days(day, day), f"again {day}")


def in_two_ranges() -> None:
    """Two loads of history that have three days in common, the later one first."""
    begin()
    lake(Days(DAYS.first + timedelta(days=3), DAYS.last))
    lake(Days(DAYS.first, DAYS.first + timedelta(days=5)))
    refresh("two ranges")


def in_random_order() -> None:
    """Days come in any order; `refresh` mends what was built before its time."""
    begin()
    days = list(DAYS)[1:]
    random.Random(7).shuffle(days)
    print(f"  in the order {', '.join(f'{day:%d}' for day in days)}", flush=True)
    for day in days:
        lake(Days(day, day))
    refresh("random order")


def four_at_a_time() -> None:
    """Four processes build days beside each other; `refresh` mends what is stale."""
    begin()
    days = list(DAYS)[1:]
    # Not what a session within this process left there.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_DAY, *(f"{day}" for day in days[number::4])],
            env=clean | {"PYTHONPATH": str(PROJECT)}, cwd=PROJECT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    for process in running:
        said, _ = process.communicate()
        assert process.returncode == 0, said[-3000:]
        print(f"  {said.count('again:')} attempts were refused", flush=True)
    refresh("four at a time")


def corrected_and_refreshed(correct_it: Callable[[], None]) -> None:
    """A day is sent again after all were built; the runbook's two commands mend it."""
    day_by_day()
    correct_it()
    lake(Days(CORRECTED, CORRECTED), "corrected")
    refresh("corrected")


def refresh(run: str) -> None:
    """What the DAG `refresh` does, until nothing is stale."""
    for turn in range(5):
        if not list_stale():
            return
        for job in JOBS:
            days = stale_days(job)
            if not days:
                continue
            reach = Days(*(date.fromisoformat(days[name]) for name in ("first_day", "last_day")))
            more = ["--set", f"feature_dates={days['dates']}"] if job == "features" else []
            build = importlib.import_module(f"spark_jobs.{job}").build
            go(job, [build], reach, f"{run} {turn}", *more)
    raise AssertionError(f"something is stale for ever: {list_stale()}")


def overtaken(correct_it: Callable[[], None]) -> bool:
    """A day is staged, the day before it is sent again and replaced, then the day is published.

    Returns:
        Whether that was refused. Then the day was built again.
    """
    late = OVERTAKEN
    for day in Days(DAYS.first, CORRECTED):
        lake(Days(day, day))
    tasks = steps(Days(late, late), "late")
    tasks["build"]()
    tasks["gate"]()
    correct_it()
    lake(Days(CORRECTED, CORRECTED), "meanwhile")
    try:
        tasks["publish"]()
    except StaleError:
        lake(Days(late, late), "late again")
        return True
    return False


def timed(act: Callable[[], None]) -> float:
    """Seconds that something takes."""
    started = time.monotonic()
    act()
    return time.monotonic() - started
