"""Tasks around models: fit, choose, and bring scores to the warehouse."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any


def experiments() -> list[str]:
    """Names of the configured experiments; one task is mapped over each."""
    from include.config import load_config
    from include.settings import settings

    return [one.name for one in load_config(settings()).experiments.experiments]


def examples_snapshot() -> int:
    """The snapshot of `training.examples` that all experiments of a run read.

    Raises:
        LakeError: The table is empty.
    """
    from include.config import load_config
    from include.contracts import lake_tables
    from include.errors import LakeError
    from include.lake import Lake
    from include.settings import settings

    contract = lake_tables(load_config(settings()).events.names)["training.examples"]
    snapshot = Lake(settings()).snapshot_id(contract)
    if snapshot is None:
        raise LakeError("training.examples is empty: clear `examples.build`")
    return snapshot


def fit_arguments(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> list[str]:
    """Arguments of the training entry point: the same for a subprocess and for a pod."""
    return [
        "--experiment", experiment,
        "--examples-snapshot", str(snapshot_id),
        "--as-of", as_of,
        "--training-run", training_run,
    ]  # fmt: skip


def fit_command(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> list[str]:
    """What Python runs in a subprocess; in the training image it is the entry point."""
    return [
        "-m",
        "include.training.fit",
        *fit_arguments(experiment, snapshot_id, as_of, training_run),
    ]


def training_pods(
    snapshot_id: int, as_of: str, training_run: str, dag_id: str
) -> list[dict[str, Any]]:
    """The manifest of each experiment's pod; one task is mapped over each."""
    from include.config import load_config, load_kubernetes
    from include.orchestration.pods import training_pod
    from include.settings import settings

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
    from include.config import load_kubernetes
    from include.settings import settings

    kubernetes = load_kubernetes(settings())
    return {
        "schedule_timeout_seconds": kubernetes.schedule_timeout_s,
        "startup_timeout_seconds": kubernetes.startup_timeout_s,
    }


def fit(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> None:
    """Fit one experiment in a process of its own, so that it gets what a pod would get.

    Raises:
        PipelineError: It ended with another exit code than 0; the log holds its last lines.
    """
    from include.errors import PipelineError
    from include.settings import PROJECT

    command = [sys.executable, *fit_command(experiment, snapshot_id, as_of, training_run)]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                last = line.strip() or last
        except BaseException:
            # A task that is killed must not leave its fit behind.
            process.kill()
            raise
    if process.returncode:
        raise PipelineError(
            f"experiment {experiment} ended with exit code {process.returncode}: {last}. The other "
            "experiments go on; clear `fit` to try it again"
        )


def choose_model(day: str, policy: str) -> dict[str, str]:
    """The model that scores a day: its version, where it lies, and the policy that chose it."""
    from include.settings import settings
    from include.training import registry, tracking
    from include.warehouse.champions import history
    from include.warehouse.engine import engine

    client = tracking.connect(settings())
    reigns = history(engine(settings()))
    version = registry.choose(client, policy, date.fromisoformat(day), reigns)
    print(
        f"[choose] {day} is scored by version {version.version}, trained through "
        f"{version.trained_through} ({policy})",
        flush=True,
    )
    return {"version": version.version, "uri": version.uri, "policy": policy}


def publish_scores(day: str, run: str, policy: str, replace_reverted: bool = False) -> None:
    """Publish a day of scores from the lake to the prediction table.

    Raises:
        AirflowFailException: The publication was refused; the same would be refused again.
    """
    from airflow.sdk.exceptions import AirflowFailException

    from include.config import load_config
    from include.contracts import lake_tables
    from include.databases import database_url
    from include.days import Days
    from include.errors import PublishRefusedError
    from include.lake import Lake
    from include.receipts import read_receipt, receipt_uri
    from include.settings import settings
    from include.warehouse.campaigns import copy_config
    from include.warehouse.engine import engine
    from include.warehouse.loading import SCORE_COLUMNS
    from include.warehouse.publish import Scores, publish

    receipt = read_receipt(receipt_uri(settings(), run, "scores"))
    config = load_config(settings())
    contract = lake_tables(config.events.names)["scores.campaign_propensity"]
    lake = Lake(settings())
    when = date.fromisoformat(day)
    snapshot = lake.snapshot_id(contract)
    with engine(settings()).begin() as connection:
        copy_config(connection, config)
    scores = Scores(
        score_date=when,
        batches=lambda: lake.batches(contract, Days(when, when), snapshot, SCORE_COLUMNS),
        users=int(receipt.properties["users"]),
        holdout_shares={c.campaign_id: c.holdout_share for c in config.active_campaigns},
        model_version=receipt.properties["model_version"],
        model_policy=policy,
        lake_snapshots={"scores.campaign_propensity": snapshot, **receipt.inputs},
        run_id=run,
        replaces_revert=replace_reverted,
    )
    try:
        published = publish(engine(settings()), database_url(settings(), "warehouse"), scores)
    except PublishRefusedError as error:
        raise AirflowFailException(str(error)) from None
    print(
        f"[publish] {day}: {published.row_count:,} rows, checksum {published.checksum}, "
        + ("publication " if published.is_new else "unchanged, still publication ")
        + f"{published.publication_id}",
        flush=True,
    )


def revert_publication(params: Mapping[str, Any], dag_run: Any) -> int | None:
    """Bring an earlier version of a day back; returns the publication that is visible now."""
    from include.settings import settings
    from include.warehouse.engine import engine
    from include.warehouse.revert import revert

    who = getattr(dag_run, "triggering_user_name", None) or f"run {dag_run.run_id}"
    day = date.fromisoformat(params["day"])
    shown = revert(engine(settings()), day, params["publication_id"], params["reason"], who)
    print(f"[revert] {day} shows {f'publication {shown}' if shown else 'nothing'} now", flush=True)
    return shown
