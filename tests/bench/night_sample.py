"""A night of the sample as its two DAG runs, beside the same work in one process without Airflow.

    bin/python -m tests.bench.night_sample [--repeat 1]

Works on what `make run` made (it is run first where nobody did), and leaves it as it is: the night
is built again, and comes out the same. Adds its ratio to `.local/bench.json`.
"""

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from include.audience.contacts import load_contacts
from include.embedded.environment import airflow_environment
from include.embedded.make_run import DAY
from include.embedded.results import has_scores
from include.embedded.setup import ensure_set_up
from include.lake.gate import gate
from include.lake.publish import publish
from include.predictions.choose import choose_model
from include.predictions.publish_day import publish_day
from include.settings import PROJECT, settings
from spark_jobs import lake_days, scores
from spark_jobs.job import run_job
from tests.bench.harness import Digest, Outcome, Side, Stage, measure
from tests.bench.place import LOGS
from tests.bench.process import run
from tests.bench.report import save, table

DAGS = ("lake_daily", "score_daily")
WHEN = f"{DAY + timedelta(days=1)}T06:00:00"
"""Of manual runs for the data day, as `make run` has them."""
RUN = "bench/night_sample"


def night() -> None:
    """What the tasks of both DAGs do, in order."""
    day, days = f"{DAY}", ["--from-day", f"{DAY}", "--to-day", f"{DAY}", "--run", RUN]
    run_job("lake_days", lake_days.BUILDS, days)
    gate("lake_days", RUN)
    publish("lake_days", RUN)
    load_contacts(day, day)
    model = choose_model(day, "as_of")
    given = [f"--set=model_uri={model['uri']}", f"--set=model_version={model['version']}"]
    run_job("scores", [scores.build], [*days, *given])
    gate("scores", RUN)
    publish("scores", RUN)
    publish_day(day, RUN, model["policy"], False)


def timed(name: str, arguments: Sequence[str]) -> Outcome:
    """One process, and what all tables hold after it."""
    place = airflow_environment(settings())
    ran = run([sys.executable, "-m", *arguments], place, PROJECT, LOGS / f"{name}.log")
    command = [sys.executable, "-m", "include.embedded", "checksums"]
    said = subprocess.run(
        command, env=place, cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    held = Digest(len(said.splitlines()), hashlib.sha256(said.encode()).hexdigest()[:16])
    return Outcome(
        duration_s=ran.duration_s, outputs={"tables": held}, peak_rss_bytes=ran.peak_rss_bytes
    )


def main(repeat: int) -> None:
    """Measure it; exit code 1: the tables differ."""
    ensure_set_up(settings())
    if not has_scores(settings(), DAY):
        subprocess.run([sys.executable, "-m", "include.embedded.make_run"], cwd=PROJECT, check=True)
    stage = Stage(
        "night_sample",
        Side("ours", partial(timed, "dags", ["include.embedded.dag_runs", WHEN, *DAGS])),
        (Side("one_process", partial(timed, "bare", ["tests.bench.night_sample", "--bare"])),),
    )
    found = measure(stage, repeat)
    save(found)
    print(table(found), flush=True)
    if any(one.problem for one in found):
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--bare", action="store_true", help="do the work itself")
    asked = parser.parse_args()
    if asked.bare:
        night()
    else:
        main(asked.repeat)
