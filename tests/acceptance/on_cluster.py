"""A cluster on this machine, and how its pods see the embedded default."""

from pathlib import Path
from typing import Any

from tests.acceptance.commands import run

NAMESPACE = "propensity-acceptance"


def kubectl(*arguments: str) -> str:
    return run("kubectl", *arguments)


def pod_settings(home: Path) -> dict[str, Any]:
    """`kubernetes.yaml` for pods that see its folders, and Postgres's socket in one of them."""
    owner = (home / "postgres").stat().st_uid
    artifacts = home / "mlflow"
    # Pods run as whoever runs Postgres, since nobody else may reach its socket.
    run("chown", "-R", str(owner), str(artifacts))
    # What is closed to others is opened to these pods alone.
    run("chown", str(owner), str(home / "lake"), str(home / "postgres.json"))
    kubectl("-n", NAMESPACE, "create", "secret", "generic", "propensity",
            "--from-literal=MLFLOW_DISABLE_TELEMETRY=true")  # fmt: skip
    return {
        "namespace": NAMESPACE, "image": "campaign-propensity-training:latest",
        "service_account": "default", "secret": "propensity", "run_as_user": owner,
        "environment": {"PROPENSITY_HOME": str(home)},
        "volumes": [
            {"name": "home", "mount_path": str(home), "host_path": str(home), "read_only": True},
            {"name": "artifacts", "mount_path": str(artifacts), "host_path": str(artifacts)},
        ],
    }  # fmt: skip
