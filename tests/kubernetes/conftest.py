"""A namespace of its own on the cluster that KUBECONFIG points at; `make test-kubernetes`."""

import os
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client, config

from include.config.kubernetes import Kubernetes


@pytest.fixture(scope="session")
def core() -> client.CoreV1Api:
    """The cluster's API. Without KUBECONFIG nothing here can run, and that is no pass."""
    if not os.environ.get("KUBECONFIG"):
        pytest.fail("KUBECONFIG isn't set: name a cluster, for example one of kind's")
    config.load_kube_config(os.environ["KUBECONFIG"])
    return client.CoreV1Api()


@pytest.fixture(scope="session")
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    name = f"propensity-test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    core.create_namespaced_secret(
        name,
        {"metadata": {"name": "propensity"}, "stringData": {"PROPENSITY_POSTGRES_URL": "unused"}},
    )
    yield name
    core.delete_namespace(name)


@pytest.fixture(scope="session")
def image() -> str:
    """The training image, as `make training-image` names it."""
    return os.environ.get("TRAINING_IMAGE_UNDER_TEST", "campaign-propensity-training:latest")


@pytest.fixture
def kubernetes(namespace: str, image: str) -> Kubernetes:
    return Kubernetes(
        namespace=namespace, image=image, secret="propensity", schedule_timeout_s=20,
        startup_timeout_s=60, deadline_s=300,
    )  # fmt: skip


class Store(dict):  # type: ignore[type-arg]
    """Airflow's store of a task's state: it outlives tries, and clearing."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    """What the operator asks of Airflow: who it is, and what it remembers."""
    ti = SimpleNamespace(
        dag_id="train_weekly", task_id="fit", run_id="test", try_number=1, map_index=0,
        xcom_push=lambda **_: None,
    )  # fmt: skip
    run_id = f"test-{uuid.uuid4().hex[:8]}"
    return {"ti": ti, "run_id": run_id, "dag": SimpleNamespace(), "task_state_store": Store()}
