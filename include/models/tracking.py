"""MLflow: where the runs of experiments are logged, with their models and judgements."""

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from include.database.address import database_url
from include.errors import SettingsError
from include.models.judging.judged import JUDGED_FILE, Judged
from include.models.prediction import readable
from include.settings import Settings
from include.store import read_whole

EXPERIMENT = "campaign_propensity"
REPORT_FILE = "report.json"
METRICS_A_REQUEST = 1000


@dataclass(frozen=True)
class FinishedRun:
    """An experiment that finished, as it was logged."""

    run_id: str
    experiment: str
    uri: str
    report: dict[str, Any]
    judged: Judged
    """The test rows and what the experiment and the baselines said of them."""


def connect(settings: Settings) -> MlflowClient:
    """A client for the tracking server of the settings; makes the experiment if it's missing.

    Raises:
        SettingsError: The experiment keeps its models elsewhere than the settings say.
    """
    # MLflow asks the network about its own usage otherwise.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    uri = settings.mlflow_tracking_uri or database_url(settings, "mlflow", "psycopg")
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    known = client.get_experiment_by_name(EXPERIMENT)
    if known is None:
        location = None if settings.mlflow_tracking_uri else settings.artifacts_uri
        try:
            client.create_experiment(EXPERIMENT, artifact_location=location)
        except MlflowException as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error.error_code):
                raise
    elif settings.artifacts and known.artifact_location != settings.artifacts_uri:
        raise SettingsError(
            f"PROPENSITY_ARTIFACTS is {settings.artifacts}, but MLflow's experiment {EXPERIMENT} "
            f"keeps its models in {known.artifact_location} and can't change that: set it to this"
        )
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
    add_figures(client, run_id, figures)
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
        with readable(uri) as folder:
            report = json.loads(read_whole(f"{folder}/{REPORT_FILE}"))
            judged = Judged.from_parquet(read_whole(f"{folder}/{JUDGED_FILE}"))
        name = str(run.data.tags["experiment"])
        found[name] = FinishedRun(str(run.info.run_id), name, uri, report, judged)
    return [found[name] for name in sorted(found)]


def add_files(client: MlflowClient, run_id: str, folder: str, files: dict[str, bytes]) -> None:
    """Add files to a finished run, below a folder of its artifacts."""
    with tempfile.TemporaryDirectory() as local:
        for name, content in files.items():
            (Path(local) / name).write_bytes(content)
        client.log_artifacts(run_id, local, folder)


def add_figures(client: MlflowClient, run_id: str, figures: dict[str, float]) -> None:
    """Add figures to a finished run, in as few requests as MLflow allows."""
    now = int(time.time() * 1000)
    every = [Metric(key, value, now, 0) for key, value in figures.items()]
    for start in range(0, len(every), METRICS_A_REQUEST):
        client.log_batch(run_id, metrics=every[start : start + METRICS_A_REQUEST])
