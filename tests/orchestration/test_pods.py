"""What Kubernetes is asked for, in full; and sentences for what it answers."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.config import load_config, load_kubernetes
from include.errors import ConfigError
from include.orchestration.pods import image_id, label, phases, training_pods, what_went_wrong
from include.settings import load_settings, settings

GOLDEN = Path(__file__).parents[1] / "golden" / "training_pods.json"


def test_the_pod_of_each_experiment_is_in_a_golden_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A review shows what production will run differently. REBUILD_GOLDEN=1 rewrites the file."""
    monkeypatch.setenv("PROPENSITY_TRAINING_IMAGE", "registry.example.org/training@sha256:0123")
    settings.cache_clear()
    made = training_pods(42, "2017-12-24", "train_weekly/manual__2017-12-25", "train_weekly")
    settings.cache_clear()
    if os.environ.get("REBUILD_GOLDEN"):
        GOLDEN.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert made == json.loads(GOLDEN.read_text(encoding="utf-8"))
    experiments = load_config(load_settings({})).experiments.experiments
    assert [pod["metadata"]["labels"]["experiment"] for pod in made] == [
        e.name for e in experiments
    ]


def test_no_secret_stands_in_a_manifest() -> None:
    text = GOLDEN.read_text(encoding="utf-8").lower()
    assert "password" not in text
    assert "postgres" not in text  # whatever is secret comes from the Secret, by reference


def pod(**status: Any) -> dict[str, Any]:
    container = {"name": "base", "image": "i", "resources": {"limits": {"memory": "4Gi"}}}
    return {"spec": {"containers": [container]}, "status": status}


def ended(**state: Any) -> dict[str, Any]:
    status = {"name": "base", "state": {"terminated": state}}
    return pod(phase="Failed", containerStatuses=[status])


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        (None, "deleted from outside while it ran"),
        (ended(reason="OOMKilled", exitCode=137), "at its limit of 4Gi; raise the experiment's"),
        (ended(exitCode=2, message="one\ntwo"), "exit code 2: two"),
        (ended(exitCode=2), "exit code 2: see the log above"),
        (pod(phase="Failed", reason="Evicted", message="disk"), "the node evicted the pod: disk"),
        (pod(phase="Pending"), "no node could take the pod: no reason was given"),
        (pod(phase="Unknown"), "the pod ended in phase Unknown"),
    ],
)
def test_a_sentence_for_each_end(shown: dict[str, Any] | None, sentence: str) -> None:
    assert sentence in what_went_wrong(shown, [])


@pytest.mark.parametrize(
    ("value", "made"),
    [("train_weekly/manual__2017-12-25T06:00", "train_weekly_manual__2017-12-25T06_00"),
     ("__x__", "x"), ("a" * 70, "a" * 63), ("", "")],
)  # fmt: skip
def test_labels_that_kubernetes_takes(value: str, made: str) -> None:
    assert label(value) == made


def test_a_volume_is_a_claim_or_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "kubernetes.yaml"
    path.write_text("{image: i, secret: s, volumes: [{name: lake, mount_path: /lake}]}")
    with pytest.raises(ConfigError, match=r"kubernetes.yaml: key volumes.0: .*claim or host_path"):
        load_kubernetes(load_settings({"PROPENSITY_KUBERNETES": str(path)}))


def test_what_a_pod_ran_is_named_by_digest() -> None:
    status = {"name": "base", "image": "training:latest", "imageID": "docker://sha256:0123"}
    assert image_id(pod(containerStatuses=[status])) == "docker://sha256:0123"
    assert image_id(pod(containerStatuses=[status | {"imageID": ""}])) == "training:latest"
    assert image_id(pod()) == ""


def test_phases_of_a_pod_worked_by_hand() -> None:
    shown = ended(startedAt="2026-01-01T00:00:07Z", finishedAt="2026-01-01T00:01:07Z", exitCode=0)
    shown["metadata"] = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    scheduled = {"type": "PodScheduled", "lastTransitionTime": "2026-01-01T00:00:05Z"}
    shown["status"]["conditions"] = [scheduled]
    now = datetime(2026, 1, 1, 0, 1, 8, 500_000, tzinfo=UTC)
    assert phases(shown, now) == {
        "queued": 5.0, "pulling": 2.0, "running": 60.0, "collecting": 1.5
    }  # fmt: skip
    shown["status"]["conditions"] = []
    assert phases(shown, now) == {}
