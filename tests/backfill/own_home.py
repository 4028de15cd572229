"""An installation of the harness' own, as `make run` leaves it, and a copy to begin again from."""

import shutil

from include.settings import PROJECT
from tests.acceptance.commands import run
from tests.backfill.story import told

FOLDER = PROJECT / ".local" / "backfill"
HOME, BEFORE = FOLDER / "home", FOLDER / "before"


def make_home() -> None:
    """What `make run` makes, once for all suites; nobody runs there."""
    run("make", "-s", "down")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with told("make run"):
        run("make", "-s", "run")
    run("make", "-s", "down")
    run("cp", "-a", f"{HOME}", f"{BEFORE}")


def begin_again() -> None:
    """Put everything back to where `make run` left it, with Airflow up."""
    run("make", "-s", "down")
    shutil.rmtree(HOME)
    run("cp", "-a", f"{BEFORE}", f"{HOME}")
    run("make", "-s", "up")
