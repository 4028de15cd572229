"""Each way in which a pod fails, on a real cluster: what Airflow says, and that nothing is left."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes import client

from include.config import Experiment
from include.config.kubernetes import Kubernetes
from include.models.fitting.arguments import fit_arguments
from include.orchestration.pods import CONTAINER, training_pod
from include.orchestration.training_pod_operator import TrainingPodOperator

Run = Callable[..., None]


def pod(kubernetes: Kubernetes, script: str, **experiment: Any) -> dict[str, Any]:
    """The pod of an experiment that runs a script of its own in place of the fit."""
    resources = {"memory": "256Mi", "cpu": "100m"} | experiment
    chosen = Experiment(name="probe", family="torch", **resources)
    made = training_pod(chosen, kubernetes, [], {"dag": "train_weekly", "data-day": "2017-12-24"})
    made["spec"]["containers"][0]["command"] = ["python", "-c", script]
    return made


def operator(kubernetes: Kubernetes, manifest: dict[str, Any]) -> TrainingPodOperator:
    return TrainingPodOperator(
        task_id="fit", kubernetes_conn_id=None, config_file=None, in_cluster=False,
        pod_template_dict=manifest, schedule_timeout_seconds=kubernetes.schedule_timeout_s,
        startup_timeout_seconds=kubernetes.startup_timeout_s, startup_check_interval_seconds=1,
    )  # fmt: skip


def pods(core: client.CoreV1Api, namespace: str) -> list[Any]:
    found = core.list_namespaced_pod(namespace).items
    return [pod for pod in found if pod.metadata.deletion_timestamp is None]


def fails(kubernetes: Kubernetes, context: dict[str, Any], manifest: dict[str, Any]) -> str:
    with pytest.raises(AirflowFailException) as caught:
        operator(kubernetes, manifest).execute(context)
    return str(caught.value)


def test_a_pod_may_do_little_and_leaves_nothing_behind(
    core: client.CoreV1Api, kubernetes: Kubernetes, context: dict[str, Any]
) -> None:
    script = """
import os, pathlib
assert os.getuid() == 10001
assert os.environ["PROPENSITY_POSTGRES_URL"] == "unused"  # from the Secret
assert not pathlib.Path("/var/run/secrets/kubernetes.io").exists()
assert "CapEff:\\t0000000000000000" in open("/proc/self/status").read()
pathlib.Path("/scratch/here").write_text("x")
try:
    pathlib.Path("/app/there").write_text("x")
except OSError as error:
    assert "Read-only file system" in str(error)
else:
    raise SystemExit("the root file system could be written")
"""
    operator(kubernetes, pod(kubernetes, script)).execute(context)
    assert pods(core, kubernetes.namespace) == []


def test_the_image_has_no_airflow_and_no_spark_and_can_fit(
    kubernetes: Kubernetes, context: dict[str, Any]
) -> None:
    script = (
        "import importlib.util as u, include.models.fit, include.models.fitting.xgb, "
        "include.models.fitting.network_model\n"
        "assert not u.find_spec('airflow') and not u.find_spec('pyspark')\n"
    )
    operator(kubernetes, pod(kubernetes, script, memory="2Gi")).execute(context)


def test_an_image_that_can_not_be_pulled(kubernetes: Kubernetes, context: dict[str, Any]) -> None:
    wrong = kubernetes.model_copy(
        update={"image": "registry.invalid/none:1", "startup_timeout_s": 20}
    )
    assert "the image registry.invalid/none:1 can't be pulled: " in fails(
        wrong, context, pod(wrong, "")
    )


def test_more_gpus_than_any_node_has(kubernetes: Kubernetes, context: dict[str, Any]) -> None:
    said = fails(kubernetes, context, pod(kubernetes, "", gpu=64))
    assert "no node could take the pod: " in said
    assert "nvidia.com/gpu" in said


def test_out_of_memory(kubernetes: Kubernetes, context: dict[str, Any]) -> None:
    script = "blocks = []\nwhile True: blocks.append(bytearray(1 << 24))"
    said = fails(kubernetes, context, pod(kubernetes, script, memory="64Mi"))
    assert "out of memory: it was killed at its limit of 64Mi" in said


def test_an_exit_code_with_the_last_line_of_the_log(
    kubernetes: Kubernetes, context: dict[str, Any]
) -> None:
    # The engine reads the two streams apart: at the same instant they may change places.
    script = "import sys, time; print('first'); time.sleep(1); sys.exit('examples are empty')"
    said = fails(kubernetes, context, pod(kubernetes, script))
    assert "exit code 1: examples are empty" in said


def test_the_entry_point_says_why_in_a_sentence(
    kubernetes: Kubernetes, context: dict[str, Any]
) -> None:
    made = pod(kubernetes, "", memory="2Gi")
    container = made["spec"]["containers"][0]
    del container["command"]
    container["args"] = fit_arguments("none", 1, "2017-12-24", "test")
    said = fails(kubernetes, context, made)
    assert "exit code 1: ConfigError: there is no experiment 'none' in experiments.yaml" in said


def test_a_deadline(kubernetes: Kubernetes, context: dict[str, Any]) -> None:
    soon = kubernetes.model_copy(update={"deadline_s": 3})
    said = fails(soon, context, pod(soon, "import time; time.sleep(60)"))
    assert "the pod ran longer than deadline_s" in said


def test_deleted_from_outside_is_worth_a_retry(
    core: client.CoreV1Api, kubernetes: Kubernetes, context: dict[str, Any]
) -> None:
    def delete() -> None:
        for _ in range(60):
            time.sleep(0.5)
            for found in pods(core, kubernetes.namespace):
                if found.status.phase == "Running":
                    core.delete_namespaced_pod(
                        found.metadata.name, kubernetes.namespace, grace_period_seconds=0
                    )
                    return

    threading.Thread(target=delete, daemon=True).start()
    with pytest.raises(AirflowException, match="was deleted from outside") as caught:
        operator(kubernetes, pod(kubernetes, "import time; time.sleep(60)")).execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def start_and_forget(
    core: client.CoreV1Api, kubernetes: Kubernetes, context: dict[str, Any], script: str
) -> str:
    """What a worker does until it is killed: make the pod, note which, and never come back."""
    made = operator(kubernetes, pod(kubernetes, script))
    made.name = made._set_name(made.name)
    request = made.build_pod_request_obj(context)
    made.get_or_create_pod(pod_request_obj=request, context=context)
    return str(request.metadata.name)


def phase(core: client.CoreV1Api, name: str, namespace: str) -> str:
    return str(core.read_namespaced_pod(name, namespace).status.phase)


def made_since(core: client.CoreV1Api, namespace: str) -> set[str]:
    events = core.list_namespaced_event(namespace, field_selector="reason=Created").items
    return {event.involved_object.name for event in events}


@pytest.mark.parametrize("script", ["import time; time.sleep(8)", "pass"],
                         ids=["still running", "succeeded meanwhile"])  # fmt: skip
def test_a_worker_killed_while_the_pod_runs_neither_repeats_nor_loses_the_fit(
    core: client.CoreV1Api, kubernetes: Kubernetes, context: dict[str, Any], script: str
) -> None:
    first = start_and_forget(core, kubernetes, context, script)
    for _ in range(100):
        wanted = "Succeeded" if script == "pass" else "Running"
        if phase(core, first, kubernetes.namespace) == wanted:
            break
        time.sleep(0.2)
    before = made_since(core, kubernetes.namespace)
    context["ti"].try_number = 2
    operator(kubernetes, pod(kubernetes, script)).execute(context)
    assert made_since(core, kubernetes.namespace) == before | {first}
    assert pods(core, kubernetes.namespace) == []


def test_a_cleared_task_fits_again(
    core: client.CoreV1Api, kubernetes: Kubernetes, context: dict[str, Any]
) -> None:
    for try_number in (1, 2):
        context["ti"].try_number = try_number
        before = made_since(core, kubernetes.namespace)
        operator(kubernetes, pod(kubernetes, "pass")).execute(context)
        assert len(made_since(core, kubernetes.namespace) - before) == 1


def test_the_container_is_the_one_that_the_operator_waits_for() -> None:
    assert TrainingPodOperator.BASE_CONTAINER_NAME == CONTAINER
