"""MLflow: where runs are logged, and the registry that says which model scored which day."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from include.databases import database_url
from include.errors import NoModelError
from include.lake import uri_of
from include.settings import Settings

EXPERIMENT = "campaign_propensity"
MODEL = "campaign_propensity"
CHAMPION = "champion"
"""Alias of the version that `champion` means: the newest promoted one."""
REPORT_FILE = "report.json"

# Tags of a model version.
TRAINED_THROUGH = "trained_through"
IS_PROMOTED = "is_promoted"


@dataclass(frozen=True)
class Version:
    """A registered model version."""

    version: str
    uri: str
    trained_through: date
    is_promoted: bool
    run_id: str


@dataclass(frozen=True)
class FinishedRun:
    """An experiment that finished, as it was logged."""

    run_id: str
    experiment: str
    uri: str
    report: dict[str, Any]


def connect(settings: Settings) -> MlflowClient:
    """A client for the tracking server of the settings; makes the experiment if it's missing."""
    # MLflow asks the network about its own usage otherwise.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    uri = settings.mlflow_tracking_uri or database_url(settings, "mlflow", "psycopg")
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    if client.get_experiment_by_name(EXPERIMENT) is None:
        location = None
        if not settings.mlflow_tracking_uri:
            location = uri_of(str(settings.home / "mlflow" / "artifacts"))
        try:
            client.create_experiment(EXPERIMENT, artifact_location=location)
        except MlflowException as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error.error_code):
                raise
    try:
        client.get_registered_model(MODEL)
    except MlflowException:
        try:
            client.create_registered_model(MODEL)
        except MlflowException as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error.error_code):
                raise
    return client


def log_run(
    client: MlflowClient,
    *,
    name: str,
    tags: dict[str, str],
    parameters: dict[str, Any],
    figures: dict[str, float],
    report: dict[str, Any],
    files: dict[str, bytes],
) -> str:
    """Log a finished experiment with its files; returns the run's id."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    run = client.create_run(experiment.experiment_id, run_name=name, tags=tags)
    run_id = str(run.info.run_id)
    for key, value in parameters.items():
        client.log_param(run_id, key, value)
    for key, value in figures.items():
        client.log_metric(run_id, key, value)
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            (Path(folder) / file).write_bytes(content)
        (Path(folder) / REPORT_FILE).write_text(json.dumps(report, indent=1), encoding="utf-8")
        client.log_artifacts(run_id, folder, "model")
    client.set_terminated(run_id)
    return run_id


def finished_runs(client: MlflowClient, training_run: str) -> list[FinishedRun]:
    """The newest finished run of each experiment of a training run, by name."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found: dict[str, FinishedRun] = {}
    for run in client.search_runs(
        [experiment.experiment_id],
        f"tags.training_run = '{training_run}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time asc"],
    ):
        uri = f"{run.info.artifact_uri}/model"
        with tempfile.TemporaryDirectory() as folder:
            path = client.download_artifacts(run.info.run_id, f"model/{REPORT_FILE}", folder)
            report = json.loads(Path(path).read_text(encoding="utf-8"))
        name = str(run.data.tags["experiment"])
        found[name] = FinishedRun(str(run.info.run_id), name, uri, report)
    return [found[name] for name in sorted(found)]


def register(
    client: MlflowClient, run: FinishedRun, trained_through: date, is_promoted: bool, reason: str
) -> Version:
    """Register a run's model; if promoted, `champion` points to it from now on."""
    made = client.create_model_version(
        MODEL,
        source=run.uri,
        run_id=run.run_id,
        tags={
            TRAINED_THROUGH: trained_through.isoformat(),
            IS_PROMOTED: str(is_promoted).lower(),
            "experiment": run.experiment,
        },
        description=reason,
    )
    version = Version(str(made.version), run.uri, trained_through, is_promoted, run.run_id)
    if is_promoted:
        newest = max(promoted(client), key=lambda v: (v.trained_through, int(v.version)))
        client.set_registered_model_alias(MODEL, CHAMPION, newest.version)
    return version


def versions(client: MlflowClient) -> list[Version]:
    """All registered versions, oldest first."""
    found = [
        Version(
            version=str(one.version),
            uri=str(one.source),
            trained_through=date.fromisoformat(one.tags[TRAINED_THROUGH]),
            is_promoted=one.tags[IS_PROMOTED] == "true",
            run_id=str(one.run_id),
        )
        for one in client.search_model_versions(f"name = '{MODEL}'")
    ]
    return sorted(found, key=lambda version: int(version.version))


def promoted(client: MlflowClient) -> list[Version]:
    """The versions that became champion at some time, oldest first."""
    return [version for version in versions(client) if version.is_promoted]


def choose(client: MlflowClient, policy: str, day: date) -> Version:
    """Which model scores a day.

    Args:
        client: The registry.
        policy: `as_of` (the newest promoted version that was trained only on data known by the
            day), `champion`, or `pinned:<version>`.
        day: The data day.

    Raises:
        NoModelError: None fits; the text names what there is.
    """
    every = versions(client)
    listed = _listed(every)
    if policy == "as_of":
        fitting = [v for v in every if v.is_promoted and v.trained_through <= day]
        if fitting:
            return max(fitting, key=lambda v: (v.trained_through, int(v.version)))
        raise NoModelError(
            f"no promoted model was trained only on data known by {day}; there are: {listed}. "
            "Train as of an earlier day (train_weekly), or choose a version with "
            "model_policy=champion or pinned:<version>"
        )
    if policy == "champion":
        try:
            alias = client.get_model_version_by_alias(MODEL, CHAMPION).version
        except MlflowException:
            raise NoModelError(f"there is no champion yet; there are: {listed}") from None
        return next(v for v in every if v.version == str(alias))
    kind, _, wanted = policy.partition(":")
    if kind == "pinned":
        for version in every:
            if version.version == wanted:
                return version
        raise NoModelError(f"there is no version {wanted!r} to pin; there are: {listed}")
    raise NoModelError(f"model_policy={policy!r} is none of as_of, champion, pinned:<version>")


def _listed(every: Sequence[Version]) -> str:
    return (
        "; ".join(
            f"version {v.version} trained through {v.trained_through}"
            f"{'' if v.is_promoted else ' (not promoted)'}"
            for v in every
        )
        or "none at all"
    )
