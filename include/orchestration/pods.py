"""A training pod: what Kubernetes is asked for, as plain data that a golden file can hold."""

import re
from datetime import datetime
from itertools import pairwise
from typing import Any

from include.config import Experiment, load_config, load_kubernetes
from include.config.kubernetes import Kubernetes, Volume
from include.models.fitting.arguments import fit_arguments
from include.settings import settings

CONTAINER = "base"
"""The name that KubernetesPodOperator gives to the container whose end is the pod's."""
SCRATCH = "/scratch"
GPU = "nvidia.com/gpu"
EXPERIMENT_OF_POD = "{{ task.pod_template_dict['metadata']['labels']['experiment'] }}"
"""How Airflow names the instances of the mapped task: `fit[xgb_deep]`."""
IMAGE_KEY = "image"
"""XCom key under which each pod's task says what it ran."""


def training_pod(
    experiment: Experiment,
    kubernetes: Kubernetes,
    arguments: list[str],
    labels: dict[str, str],
) -> dict[str, Any]:
    """The manifest of an experiment's pod.

    Non-root, without capabilities, without a token, on a root file system that it can't write: an
    example that a model learns from must not be able to do more than spoil the model.

    Args:
        experiment: Its resources, requested and at most.
        kubernetes: Everything that pods have in common.
        arguments: Of the training entry point: the same that a subprocess gets.
        labels: DAG, data day and run, to find the pod by; made fit for Kubernetes here.
    """
    resources = {"cpu": experiment.cpu, "memory": experiment.memory}
    if experiment.gpu:
        resources[GPU] = str(experiment.gpu)
    environment = {
        "PROPENSITY_HOME": SCRATCH,
        **kubernetes.environment,
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "IMAGE_DIGEST": kubernetes.image,
    }
    every = {"app": "campaign-propensity-training", "experiment": experiment.name, **labels}
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": kubernetes.deadline_s,
        # A fit has nothing to tidy up; the GPU is wanted by the next.
        "terminationGracePeriodSeconds": 5,
        "serviceAccountName": kubernetes.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": kubernetes.run_as_user,
            "runAsGroup": kubernetes.run_as_user,
            "fsGroup": kubernetes.run_as_user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": kubernetes.image,
                "imagePullPolicy": kubernetes.image_pull_policy,
                "args": arguments,
                "env": [{"name": k, "value": v} for k, v in sorted(environment.items())],
                "envFrom": [{"secretRef": {"name": kubernetes.secret}}],
                "resources": {"requests": resources, "limits": resources},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                # The last lines of the log: what a failed task says in Airflow.
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [
                    {"name": "scratch", "mountPath": SCRATCH},
                    *(_mount(volume) for volume in kubernetes.volumes),
                ],
            }
        ],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            *(_volume(volume) for volume in kubernetes.volumes),
        ],
    }
    if kubernetes.host_network:
        spec["hostNetwork"] = True
    if kubernetes.node_selector:
        spec["nodeSelector"] = dict(kubernetes.node_selector)
    if kubernetes.tolerations:
        spec["tolerations"] = [dict(one) for one in kubernetes.tolerations]
    if kubernetes.priority_class:
        spec["priorityClassName"] = kubernetes.priority_class
    if kubernetes.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in kubernetes.image_pull_secrets]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": kubernetes.namespace,
            "labels": {key: label(value) for key, value in every.items()},
        },
        "spec": spec,
    }


def label(value: str) -> str:
    """A value that Kubernetes takes for a label: 63 characters, alphanumeric at the ends."""
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", re.sub(r"[^\w.-]", "_", value)[:63])


def _mount(volume: Volume) -> dict[str, Any]:
    return {"name": volume.name, "mountPath": volume.mount_path, "readOnly": volume.read_only}


def _volume(volume: Volume) -> dict[str, Any]:
    if volume.claim:
        claim = {"claimName": volume.claim, "readOnly": volume.read_only}
        return {"name": volume.name, "persistentVolumeClaim": claim}
    return {"name": volume.name, "hostPath": {"path": volume.host_path, "type": "Directory"}}


def training_pods(
    snapshot_id: int, as_of: str, training_run: str, dag_id: str
) -> list[dict[str, Any]]:
    """The manifest of each experiment's pod; one task is mapped over each."""
    kubernetes = load_kubernetes(settings())
    return [
        training_pod(
            one,
            kubernetes,
            fit_arguments(one.name, snapshot_id, as_of, training_run),
            {"dag": dag_id, "data-day": as_of, "training-run": training_run},
        )
        for one in load_config(settings()).experiments.experiments
    ]


def pod_timeouts() -> dict[str, int]:
    """How long the operator waits for a node, and for the start, in seconds."""
    kubernetes = load_kubernetes(settings())
    return {
        "schedule_timeout_seconds": kubernetes.schedule_timeout_s,
        "startup_timeout_seconds": kubernetes.startup_timeout_s,
    }


def what_went_wrong(pod: dict[str, Any] | None, events: list[dict[str, Any]]) -> str:
    """Why a pod didn't succeed, in a sentence for the person on call.

    Args:
        pod: The pod as Kubernetes last showed it, as plain data; None if it is gone.
        events: What Kubernetes said about it, oldest first.
    """
    if pod is None:
        return "the pod was deleted from outside while it ran; clear the task to fit again"
    status = pod.get("status") or {}
    if status.get("reason") == "DeadlineExceeded":
        return "the pod ran longer than deadline_s and was ended: raise it in kubernetes.yaml"
    if status.get("reason") == "Evicted":
        return f"the node evicted the pod: {status.get('message', '')}"
    state = _container_state(status)
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    said = [str(event.get("message", "")) for event in events if event.get("type") == "Warning"]
    if waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull",
                                 "InvalidImageName"):  # fmt: skip
        image = pod["spec"]["containers"][0]["image"]
        detail = next((text for text in said if "pull" in text.lower()), waiting.get("message", ""))
        return f"the image {image} can't be pulled: {detail or waiting['reason']}"
    if waiting.get("reason") in ("CreateContainerConfigError", "CreateContainerError"):
        return f"the container can't be made: {waiting.get('message', waiting['reason'])}"
    if ended.get("reason") == "OOMKilled" or ended.get("exitCode") == 137:
        limit = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
        return (
            f"out of memory: it was killed at its limit of {limit}; raise the experiment's memory"
        )
    if ended.get("exitCode"):
        last = str(ended.get("message") or "").strip().splitlines()
        return f"exit code {ended['exitCode']}: {last[-1] if last else 'see the log above'}"
    if status.get("phase") == "Pending":
        why = next((text for text in reversed(said) if "available" in text), "")
        return f"no node could take the pod: {why or (said or ['no reason was given'])[-1]}"
    return f"the pod ended in phase {status.get('phase')}: {status.get('message') or said[-1:]}"


def phases(pod: dict[str, Any], now: datetime) -> dict[str, float]:
    """How long a finished pod was queued, pulling, running, and being collected, in seconds.

    Args:
        pod: As Kubernetes last showed it, to the second.
        now: When its logs and its end had been read.
    """
    status = pod["status"]
    scheduled = [c for c in status.get("conditions") or [] if c["type"] == "PodScheduled"]
    state = _container_state(status).get("terminated") or {}
    marks = [
        pod["metadata"]["creationTimestamp"],
        scheduled[0].get("lastTransitionTime") if scheduled else None,
        state.get("startedAt"),
        state.get("finishedAt"),
    ]
    if None in marks:
        return {}
    times = [*(datetime.fromisoformat(mark) for mark in marks), now]
    names = ("queued", "pulling", "running", "collecting")
    spans = pairwise(times)
    return {
        name: (end - start).total_seconds() for name, (start, end) in zip(names, spans, strict=True)
    }


def image_id(pod: dict[str, Any]) -> str:
    """What a pod really ran, as the cluster names it: with a digest, whatever tag was asked for."""
    for container in pod["status"].get("containerStatuses") or []:
        if container["name"] == CONTAINER:
            return str(container.get("imageID") or container.get("image") or "")
    return ""


def _container_state(status: dict[str, Any]) -> dict[str, Any]:
    for container in status.get("containerStatuses") or []:
        if container["name"] == CONTAINER:
            return dict(container.get("state") or {})
    return {}
