"""What every DAG promises, whatever it does. The DAGs are loaded by Airflow itself."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.orchestration import earlier_runs
from include.orchestration.defaults import DAY, POOLS

PROJECT = Path(__file__).parents[2]
DAGS_FOLDER = PROJECT / "dags"

# Written out, so that a DAG which silently stops loading fails here instead of vanishing.
DAG_IDS = {
    "lake_daily", "lake_history", "train_weekly", "score_daily", "maintain_weekly",
    "revert_publication", "erase_user", "rollback_model", "uplift_daily",
    "refresh",
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
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1])
print("DAGS:" + json.dumps({
    "errors": bag.import_errors,
    "dags": {dag_id: {
        "doc": dag.doc_md, "tags": sorted(dag.tags), "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "timetable": type(
            DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
        ).__name__,
        "required": sorted(k for k, p in dag.params.items() if not dag.params.get_param(k).has_value
                           and "null" not in dag.params.get_param(k).schema["type"]),
        "tasks": {task.task_id: {
            "kind": type(task).__name__ if not task.is_mapped else "mapped",
            "timeout_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
            "retries": task.retries, "pool": task.pool, "owner": task.owner,
            "upstream": sorted(task.upstream_task_ids), "trigger_rule": task.trigger_rule.value,
            "outlets": [asset.name for asset in task.outlets],
            "inlets": [asset.name for asset in task.inlets],
            "priority_weight": task.priority_weight,
            "weight_rule": str(getattr(task.weight_rule, "value", task.weight_rule)),
            "map_index_template": getattr(task, "map_index_template", None),
            "retry_policy": bool(task.retry_policy) if not task.is_mapped
                else bool(task.partial_kwargs.get("retry_policy")),
            "application_args": list(getattr(task, "application_args", None) or []),
            "conn_id": getattr(task, "_conn_id", None),
            "submit": task._get_hook()._build_spark_submit_command(task.application)
                      if type(task).__name__ == "SparkJobOperator" else None,
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
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
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


# Written out, so that a wait, a gate or an order that gets lost is seen: task ← what it waits for.
EDGES = {
    "lake_daily": {
        "wait_for_landing": [],
        "wait_for_earlier_runs": ["wait_for_landing"],
        "wait_for_days_before": ["wait_for_earlier_runs"],
        "contacts": ["wait_for_landing"],
        "lake.build": ["wait_for_days_before"],
        "lake.gate": ["lake.build"],
        "lake.publish": ["lake.gate"],
    },
    "lake_history": {
        "lake.build": [],
        "lake.gate": ["lake.build"],
        "lake.publish": ["lake.gate"],
        "contacts": ["lake.publish"],
    },
    "score_daily": {
        "wait_for_features": [],
        "choose_model": ["wait_for_features"],
        "scores.build": ["choose_model"],
        "scores.gate": ["scores.build"],
        "scores.publish": ["scores.gate"],
        "publish_predictions": ["choose_model", "scores.publish"],
    },
    "uplift_daily": {
        "wait_for_activity": [],
        "measure_uplift": ["wait_for_activity"],
    },
    "train_weekly": {
        "wait_for_features": [],
        "examples.build": ["wait_for_features"],
        "examples.gate": ["examples.build"],
        "examples.publish": ["examples.gate"],
        "choose_experiments": ["examples.publish"],
        "pin_examples": ["examples.publish"],
        "fit": ["choose_experiments", "pin_examples"],
        "compare": ["fit", "pin_examples"],
        "promote": ["compare"],
    },
    "maintain_weekly": {"maintain_warehouse": [], "maintain_lake": []},
    "refresh": {
        "list_stale": [],
        "is_wanted": ["list_stale"],
        "stale_events": ["is_wanted"],
        "events.build": ["stale_events"],
        "events.gate": ["events.build"],
        "events.publish": ["events.gate"],
        "stale_daily_activity": ["events.publish"],
        "daily_activity.build": ["stale_daily_activity"],
        "daily_activity.gate": ["daily_activity.build"],
        "daily_activity.publish": ["daily_activity.gate"],
        "stale_features": ["daily_activity.publish"],
        "features.build": ["stale_features"],
        "features.gate": ["features.build"],
        "features.publish": ["features.gate"],
        "stale_publications": ["features.publish"],
        "score": ["stale_publications"],
    },
    "revert_publication": {"revert": []},
    "rollback_model": {"rollback": []},
    "erase_user": {
        "erase_contact": [],
        "erase_lake": ["erase_contact"],
        "erase_warehouse": ["erase_contact", "erase_lake"],
    },
}


def test_every_task_waits_for_exactly_what_is_written_here(dags: dict[str, Any]) -> None:
    seen = {
        dag_id: {task_id: task["upstream"] for task_id, task in dag["tasks"].items()}
        for dag_id, dag in dags.items()
    }
    assert seen == EDGES


def test_what_tasks_read_and_write_is_the_lineage_of_the_page(dags: dict[str, Any]) -> None:
    seen = {
        name: (task["inlets"], task["outlets"])
        for name, task in tasks(dags)
        if task["inlets"] or task["outlets"]
    }
    lake = ["core.rejected_dimensions", "core.users", "core.listings", "core.rejected_events",
            "core.events", "features.user_category_daily", "features.user_category",
            "features.user", "features.category", "features.user_category_visits",
            "features.user_visits", "features.campaign_category"]  # fmt: skip
    features = ["core.users", *(name for name in lake[6:] if name != "features.category")]
    predictions, champions = ["predictions.campaign_propensity"], ["analytics.champions"]
    assert seen == {
        "lake_daily.lake.publish": ([], lake),
        "lake_daily.contacts": ([], ["pii.contacts"]),
        "lake_history.lake.publish": ([], lake),
        "lake_history.contacts": ([], ["pii.contacts"]),
        "train_weekly.examples.build": ([*features, "features.user_category_daily"], []),
        "train_weekly.examples.publish": ([], ["training.examples"]),
        "train_weekly.fit": (["training.examples"], []),
        "train_weekly.promote": ([], champions),
        "score_daily.scores.build": (features, []),
        "score_daily.scores.publish": ([], ["scores.campaign_propensity"]),
        "score_daily.publish_predictions": (["scores.campaign_propensity"], predictions),
        "uplift_daily.measure_uplift": (
            ["features.user_category_daily", *predictions],
            ["analytics.campaign_uplift"],
        ),
        "refresh.events.build": (["core.listings"], []),
        "refresh.events.publish": ([], lake[3:5]),
        "refresh.daily_activity.build": (["core.events"], []),
        "refresh.daily_activity.publish": ([], lake[5:6]),
        "refresh.features.build": (["features.user_category_daily"], []),
        "refresh.features.publish": ([], lake[6:]),
        "revert_publication.revert": ([], predictions),
        "rollback_model.rollback": ([], champions),
    }


def test_the_night_goes_before_the_week_and_both_before_what_a_person_asks_for(
    dags: dict[str, Any],
) -> None:
    """One slot for Spark: whoever waits for it with the highest weight goes first."""
    weights = {
        dag_id: {task["priority_weight"] for task in dag["tasks"].values()}
        for dag_id, dag in dags.items()
    }
    assert weights == {
        "lake_daily": {100}, "score_daily": {100},
        "train_weekly": {10}, "maintain_weekly": {10}, "uplift_daily": {10},
        "lake_history": {1}, "refresh": {1}, "revert_publication": {1}, "rollback_model": {1},
        "erase_user": {1},
    }  # fmt: skip
    assert {task["weight_rule"] for _, task in tasks(dags)} == {"absolute"}


def test_nothing_is_done_by_a_click_that_says_nothing(dags: dict[str, Any]) -> None:
    """A parameter without a value has to be given."""
    required = {dag_id: dag["required"] for dag_id, dag in dags.items() if dag["required"]}
    assert required == {
        "lake_history": ["from_date", "to_date"],
        "revert_publication": ["day", "reason"],
        "rollback_model": ["reason"],
        "erase_user": ["requested_by", "user_id"],
    }


def test_instances_of_fit_are_named_by_their_experiment(
    dags: dict[str, Any], tmp_path: Path
) -> None:
    named = dags["train_weekly"]["tasks"]["fit"]["map_index_template"]
    assert named == "{{ task.op_kwargs['experiment'] }}"
    pods = load(tmp_path, PROPENSITY_TRAINING="kubernetes")["train_weekly"]["tasks"]["fit"]
    assert "['labels']['experiment']" in pods["map_index_template"]


def test_every_task_knows_which_failures_no_retry_can_mend(dags: dict[str, Any]) -> None:
    assert not [name for name, task in tasks(dags) if not task["retry_policy"]]


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


def test_only_the_lake_makes_up_for_an_outage(dags: dict[str, Any]) -> None:
    """As the scheduler has it, which knows DAGs and timetables by what was serialized of them."""
    assert not [name for name, dag in dags.items() if dag["catchup"]]
    assert [name for name, dag in dags.items() if dag["timetable"] == "NightTimetable"] == [
        "lake_daily"
    ]
    assert {name for name, dag in dags.items() if dag["timetable"] == "DataDayTimetable"} == {
        "score_daily", "uplift_daily",
    }  # fmt: skip


@pytest.mark.parametrize("dag_id", ["lake_daily", "score_daily"])
def test_a_night_that_waits_leaves_room_for_a_run_by_hand(
    dags: dict[str, Any], dag_id: str
) -> None:
    assert dags[dag_id]["max_active_runs"] > 1


def test_every_gate_stands_between_build_and_publish(dags: dict[str, Any]) -> None:
    gates = [(n, t) for n, t in tasks(dags) if n.endswith(".gate")]
    assert len(gates) == 7
    for dag_id, dag in dags.items():
        for task_id, task in dag["tasks"].items():
            if task_id.endswith(".publish"):
                assert task["upstream"] == [task_id.replace("publish", "gate")], dag_id
            if task_id.endswith(".gate"):
                assert task["upstream"] == [task_id.replace("gate", "build")], dag_id


def test_spark_jobs_use_the_connection_the_pool_and_hours(dags: dict[str, Any]) -> None:
    builds = [task for _, task in tasks(dags) if task["kind"] == "SparkJobOperator"]
    assert len(builds) == 7
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


def test_runs_by_hand_are_told_by_a_task_that_there_is(dags: dict[str, Any]) -> None:
    assert earlier_runs.LAST_TASK in dags["lake_daily"]["tasks"]
    assert set(earlier_runs.OTHERS) <= set(dags)


def test_airflow_itself_is_kept_small_only_where_it_is_ours(
    dags: dict[str, Any], tmp_path: Path
) -> None:
    assert set(dags["maintain_weekly"]["tasks"]) == {"maintain_warehouse", "maintain_lake"}
    ours = load(tmp_path, PROPENSITY_AIRFLOW_UPKEEP="true")["maintain_weekly"]["tasks"]
    assert set(ours) == {"maintain_warehouse", "maintain_lake", "maintain_airflow"}
    assert ours["maintain_airflow"]["timeout_s"]


def test_one_failed_experiment_stops_nobody_but_no_examples_stop_the_comparison(
    dags: dict[str, Any],
) -> None:
    compare = dags["train_weekly"]["tasks"]["compare"]
    assert compare["upstream"] == ["fit", "pin_examples"]
    assert compare["trigger_rule"] == "all_done_min_one_success"


def test_the_data_day_is_the_start_of_the_interval(dags: dict[str, Any]) -> None:
    """`ds` differs between manual and scheduled runs (facts of Airflow 3.3), so nobody uses it."""
    day = DAY
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
