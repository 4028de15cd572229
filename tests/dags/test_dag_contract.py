"""What every DAG promises, whatever it does. The DAGs are loaded by Airflow itself."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.orchestration.defaults import POOLS

PROJECT = Path(__file__).parents[2]
DAGS_FOLDER = PROJECT / "dags"

# Written out, so that a DAG which silently stops loading fails here instead of vanishing.
DAG_IDS = {
    "lake_daily", "lake_history", "train_weekly", "score_daily", "maintain_weekly",
    "revert_publication", "erase_user", "rollback_model",
}  # fmt: skip

# Each costs the DAG processor seconds on every parse; they belong inside tasks and in images.
HEAVY = {
    "great_expectations",
    "pandas",
    "pyarrow",
    "pyiceberg",
    "pyspark",
    "torch",
    "xgboost",
    "mlflow",
}


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the DAGs look like by default."""
    return load(tmp_path_factory.mktemp("airflow"))


def load(home: Path, **environment: str) -> dict[str, Any]:
    """What the DAGs look like, read by a process of its own: Airflow's import isn't ours."""
    probe = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("DAGS:" + json.dumps({
    "errors": bag.import_errors,
    "dags": {dag_id: {
        "doc": dag.doc_md, "tags": sorted(dag.tags), "catchup": dag.catchup,
        "timetable": type(dag.timetable).__name__,
        "tasks": {task.task_id: {
            "kind": type(task).__name__ if not task.is_mapped else "mapped",
            "timeout_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
            "retries": task.retries, "pool": task.pool, "owner": task.owner,
            "upstream": sorted(task.upstream_task_ids), "trigger_rule": task.trigger_rule.value,
            "application_args": list(getattr(task, "application_args", None) or []),
            "conn_id": getattr(task, "_conn_id", None),
            "submit": task._get_hook()._build_spark_submit_command(task.application)
                      if type(task).__name__ == "SparkSubmitOperator" else None,
        } for task in dag.tasks},
    } for dag_id, dag in bag.dags.items()},
}))
"""
    ended = subprocess.run(
        [sys.executable, "-c", probe, str(DAGS_FOLDER)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env=_environment(home) | environment,
    )
    line = next((x for x in ended.stdout.splitlines() if x.startswith("DAGS:")), None)
    assert line, ended.stderr[-3000:]
    found = json.loads(line.removeprefix("DAGS:"))
    assert not found["errors"], found["errors"]
    return dict(found["dags"])


def _environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[*]"}',
        "PROPENSITY_HOME": str(home),
        "PYTHONPATH": str(PROJECT),
    }


def tasks(dags: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{dag_id}.{task_id}", task)
        for dag_id, dag in dags.items()
        for task_id, task in dag["tasks"].items()
    ]


def test_every_listed_dag_loads_and_no_other(dags: dict[str, Any]) -> None:
    assert set(dags) == DAG_IDS


def test_every_task_can_time_out(dags: dict[str, Any]) -> None:
    assert not [name for name, task in tasks(dags) if not task["timeout_s"]]


def test_every_task_has_an_owner_and_few_retries(dags: dict[str, Any]) -> None:
    wrong = [
        name
        for name, task in tasks(dags)
        if task["owner"] != "data-platform" or not 0 <= task["retries"] <= 3
    ]
    assert not wrong


def test_every_dag_says_what_to_do_when_it_fails(dags: dict[str, Any]) -> None:
    assert not [name for name, dag in dags.items() if "**When it fails.**" not in dag["doc"]]


def test_no_dag_catches_up_by_itself(dags: dict[str, Any]) -> None:
    assert not [name for name, dag in dags.items() if dag["catchup"]]


def test_every_gate_stands_between_build_and_publish(dags: dict[str, Any]) -> None:
    gates = [(n, t) for n, t in tasks(dags) if n.endswith(".gate")]
    assert len(gates) == 4
    for dag_id, dag in dags.items():
        for task_id, task in dag["tasks"].items():
            if task_id.endswith(".publish"):
                assert task["upstream"] == [task_id.replace("publish", "gate")], dag_id
            if task_id.endswith(".gate"):
                assert task["upstream"] == [task_id.replace("gate", "build")], dag_id


def test_spark_jobs_use_the_connection_the_pool_and_hours(dags: dict[str, Any]) -> None:
    builds = [task for _, task in tasks(dags) if task["kind"] == "SparkSubmitOperator"]
    assert len(builds) == 4
    for build in builds:
        assert build["conn_id"] == "spark_default"
        assert build["pool"] == "spark"
        assert build["timeout_s"] >= timedelta(hours=1).total_seconds()


def test_what_is_submitted_is_in_a_golden_file(dags: dict[str, Any]) -> None:
    """A review shows what production will run differently. REBUILD_GOLDEN=1 rewrites the file."""
    lines = []
    for name, task in sorted(tasks(dags)):
        if task["submit"]:
            home = next(p for p in task["submit"] if p.endswith("spark.properties"))
            words = [w.replace(str(PROJECT), "<project>").replace(
                str(Path(home).parents[1]), "<home>") for w in task["submit"]]  # fmt: skip
            lines.append(f"{name}\n" + "".join(f"  {word}\n" for word in words))
    golden = PROJECT / "tests" / "golden" / "spark_submit.txt"
    if os.environ.get("REBUILD_GOLDEN"):
        golden.write_text("\n".join(lines), encoding="utf-8")
    assert "\n".join(lines) == golden.read_text(encoding="utf-8")


def test_with_kubernetes_each_experiment_is_a_pod_in_the_gpu_pool(tmp_path: Path) -> None:
    loaded = load(tmp_path, PROPENSITY_TRAINING="kubernetes")
    assert {task["pool"] for _, task in tasks(loaded)} == {"default_pool", *POOLS}
    tasks_of = loaded["train_weekly"]["tasks"]
    assert tasks_of["fit"]["pool"] == "gpu"
    assert tasks_of["fit"]["upstream"] == ["describe_pods"]
    assert tasks_of["fit"]["timeout_s"]
    assert tasks_of["compare"]["upstream"] == ["fit", "pin_examples"]


def test_a_person_is_asked_only_where_the_setting_says_so(
    dags: dict[str, Any], tmp_path: Path
) -> None:
    assert dags["train_weekly"]["tasks"]["promote"]["upstream"] == ["compare"]
    assert "ask" not in dags["train_weekly"]["tasks"]
    asking = load(tmp_path, PROPENSITY_APPROVAL="true")["train_weekly"]["tasks"]
    assert asking["ask"]["kind"] == "HITLOperator"
    assert asking["ask"]["upstream"] == ["meets_every_condition"]
    assert asking["promote"]["upstream"] == ["ask", "compare"]


def test_one_failed_experiment_stops_nobody_but_no_examples_stop_the_comparison(
    dags: dict[str, Any],
) -> None:
    compare = dags["train_weekly"]["tasks"]["compare"]
    assert compare["upstream"] == ["fit", "pin_examples"]
    assert compare["trigger_rule"] == "all_done_min_one_success"


def test_the_data_day_is_the_start_of_the_interval(dags: dict[str, Any]) -> None:
    """`ds` differs between manual and scheduled runs (facts of Airflow 3.3), so nobody uses it."""
    day = "{{ data_interval_start | ds }}"
    for dag_id in ("lake_daily", "score_daily", "train_weekly"):
        for name, task in dags[dag_id]["tasks"].items():
            arguments = task["application_args"]
            if arguments:
                assert arguments[:4] == ["--from-day", day, "--to-day", day], f"{dag_id}.{name}"
    for path in DAGS_FOLDER.glob("*.py"):
        assert "{{ ds }}" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("dag_file", sorted(DAGS_FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_parsing_stays_cheap(dag_file: Path, tmp_path: Path) -> None:
    # Airflow itself imports pandas if it is there? Only what we add counts.
    probe = (
        "import sys\n"
        "from airflow.sdk import dag, task\n"
        "from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator\n"
        "before = set(sys.modules)\n"
        f"import runpy; runpy.run_path({str(dag_file)!r})\n"
        "print('LOADED', *(set(sys.modules) - before))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env=_environment(tmp_path),
    )
    assert "LOADED" in ended.stdout, ended.stderr[-3000:]
    assert not HEAVY & set(ended.stdout.split())
