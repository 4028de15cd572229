"""How long Airflow takes to parse all of the project's DAG files, beside one with an empty DAG.

Only the parsing is timed, in a process that has imported Airflow's core: that is what the DAG
processor does again and again. What the files themselves import counts.
"""

import os
import sys
from pathlib import Path

from include.settings import PROJECT
from tests.bench.harness import BenchError, Outcome, Side, Stage
from tests.bench.place import BENCH, LOGS
from tests.bench.process import run

PARSED = "PARSED:"
PARSE = f"""
import sys, time
from airflow.dag_processing.dagbag import DagBag
started = time.perf_counter()
bag = DagBag(sys.argv[1])
seconds = time.perf_counter() - started
assert not bag.import_errors, bag.import_errors
print("{PARSED}", seconds, len(bag.dags))
"""
EMPTY = """
from airflow.sdk import DAG

dag = DAG("empty", schedule=None)
"""


def dag_parsing_stage() -> Stage:
    """All DAGs beside an empty one."""
    empty = BENCH / "empty_dags"
    empty.mkdir(parents=True, exist_ok=True)
    (empty / "empty.py").write_text(EMPTY, encoding="utf-8")
    return Stage(
        "dags",
        Side("ours", lambda: _parse(PROJECT / "dags")),
        (Side("empty_dag", lambda: _parse(empty)),),
    )


def _parse(folder: Path) -> Outcome:
    # No database is needed to parse.
    place = os.environ | {
        "AIRFLOW_HOME": str(BENCH / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    }
    ran = run([sys.executable, "-c", PARSE, str(folder)], place, PROJECT, LOGS / "dags.log")
    (said,) = [line for line in ran.output.splitlines() if line.startswith(PARSED)]
    _, seconds, count = said.split()
    if int(count) == 0:
        raise BenchError(f"{folder} holds no DAG")
    return Outcome(duration_s=float(seconds), peak_rss_bytes=ran.peak_rss_bytes)
