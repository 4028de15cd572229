"""What a killed job kept: no contact data lies in the lake, and erasure finds the rest."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.audience.places import places_of
from include.settings import PROJECT, Settings
from tests.integration.landing_files import basics, csv_of, day, event, land
from tests.integration.test_bad_input import ONE, RUN

KILLED = """
import sys, time
from spark_jobs import lake_days
from spark_jobs.job import run_job
from spark_jobs.workspace import Workspace

keep = Workspace._keep

def waits(self, name, rows):
    done = keep(self, name, rows)
    if name == "landed_" + sys.argv[1]:
        print("KEPT", flush=True)
        time.sleep(600)
    return done

Workspace._keep = waits
run_job("lake_days", lake_days.BUILDS, sys.argv[2:])
"""


def killed_once_kept(table: str) -> None:
    days = ["--from-day", f"{ONE.first}", "--to-day", f"{ONE.last}"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, table, *days, "--run", RUN],
        env=clean | {"PYTHONPATH": str(PROJECT)}, cwd=PROJECT, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert any(line.startswith("KEPT") for line in process.stdout)
        os.kill(process.pid, signal.SIGKILL)


def test_no_contact_data_lies_in_the_lake(place: Settings) -> None:
    basics(place, ONE)
    land(place, "users", day(0), "more.csv",
         "user_id,email,registered_at\n8,Doe, Jane <jane@example.org>,2026-01-01\n")  # fmt: skip
    land(place, "users", day(0), "cut.jsonl", '{"user_id": 9, "email": "joe@example.org\n')
    killed_once_kept("users")
    files = list(Path(place.lake_uri).rglob("*.parquet"))
    assert files, "something was kept"
    for path in files:
        assert "@example.org" not in str(pq.read_table(path, partitioning=None).to_pylist())


@pytest.mark.parametrize("said", ["007", "cut"])
def test_erasure_finds_what_is_left(place: Settings, said: str) -> None:
    basics(place, ONE)
    if said == "cut":
        land(place, "events", day(0), "e.jsonl", '{"event_id": "a", "user_id": 7, "occurred_at\n')
    else:
        land(place, "events", day(0), "e.csv", csv_of(event("a", day(0), user_id=said)))
    killed_once_kept("events")
    assert any(name.startswith("lake") for name in places_of(place, 7))
