"""Fit one experiment: the entry point of a training pod, and of the embedded subprocess.

    python -m include.training.fit --experiment xgb_deep --examples-snapshot 123 \
        --as-of 2017-12-24 --training-run train_weekly/manual__1

Reads top to bottom: examples at a pinned snapshot, split by time, fit, evaluate once on the newest
matured snapshot beside both baselines, save without pickle, log to MLflow.
"""

import argparse
import hashlib
import os
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from include.code_version import code_version
from include.config import Experiment, load_config
from include.contracts import lake_tables
from include.errors import ConfigError, PipelineError
from include.lake import Lake
from include.settings import settings
from include.training import baselines, tracking
from include.training.data import Split, read_split
from include.training.evaluate import ALL, MEAN, Metrics, evaluate
from include.training.manifest import Manifest
from include.training.prediction import MANIFEST_FILE, family


def main() -> None:
    """Fit the experiment that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--examples-snapshot", type=int, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--training-run", required=True)
    arguments = parser.parse_args()
    started = time.monotonic()

    chosen = settings()
    config = load_config(chosen)
    experiment = find_experiment(config.experiments.experiments, arguments.experiment)
    device = pick_device(experiment.device, experiment.family)

    contract = lake_tables(config.events.names)["training.examples"]
    split = read_split(Lake(chosen), contract, arguments.examples_snapshot, arguments.as_of)
    print(
        f"[{experiment.name}] {len(split.train):,} rows of {len(split.train.snapshots)} snapshots "
        f"to fit, {len(split.valid):,} to stop by, {len(split.test):,} of {split.test.snapshots[0]}"
        f" to judge; {len(split.features)} features, device {device}",
        flush=True,
    )

    kind, model_file = family(experiment.family)
    threads = os.cpu_count() or 1
    fit_started = time.monotonic()
    model = kind.fit(split, experiment.parameters, experiment.seed, device, threads)
    fit_s = time.monotonic() - fit_started

    judged = judge(split, experiment.name, model.predict(split.test.matrix, threads))
    content = model.save()
    horizon = max(campaign.horizon_days for campaign in config.active_campaigns)
    manifest = Manifest(
        family=experiment.family,
        experiment=experiment.name,
        parameters=experiment.parameters,
        features=split.features,
        campaigns=split.campaigns,
        seed=experiment.seed,
        device=device,
        trained_through=split.test.snapshots[0] + timedelta(days=horizon),
        examples_snapshot_id=arguments.examples_snapshot,
        snapshot_dates={
            "train": split.train.snapshots,
            "valid": split.valid.snapshots,
            "test": split.test.snapshots,
        },
        code_version=code_version(),
        image_digest=os.environ.get("IMAGE_DIGEST", ""),
        model_file=model_file,
        model_sha256=hashlib.sha256(content).hexdigest(),
    )
    report = {
        "experiment": experiment.name,
        "manifest": manifest.model_dump(mode="json"),
        "rows": {name: len(getattr(split, name)) for name in ("train", "valid", "test")},
        "metrics": {
            who: {scope: metrics.as_dict() for scope, metrics in scopes.items()}
            for who, scopes in judged.items()
        },
        "durations_s": {"fit": round(fit_s, 2), "all": round(time.monotonic() - started, 2)},
    }
    tracking.log_run(
        tracking.connect(chosen),
        name=experiment.name,
        tags={
            "experiment": experiment.name,
            "training_run": arguments.training_run,
            "as_of": arguments.as_of.isoformat(),
        },
        parameters=experiment.parameters,
        figures=_figures(judged, experiment.name),
        report=report,
        files={model_file: content, MANIFEST_FILE: manifest.model_dump_json(indent=1).encode()},
    )
    mine = judged[experiment.name]
    print(
        f"[{experiment.name}] fitted in {fit_s:.1f} s, {time.monotonic() - started:.1f} s in all: "
        f"ROC AUC {mine[ALL].roc_auc:.4f} ({mine[MEAN].roc_auc:.4f} averaged over campaigns), "
        f"log loss {mine[ALL].log_loss:.4f}, calibration error {mine[ALL].calibration_error:.4f}",
        flush=True,
    )


def find_experiment(experiments: tuple[Experiment, ...], name: str) -> Experiment:
    """The experiment called `name`.

    Raises:
        ConfigError: There is none.
    """
    for experiment in experiments:
        if experiment.name == name:
            return experiment
    raise ConfigError(
        f"there is no experiment {name!r} in experiments.yaml; there are "
        f"{', '.join(experiment.name for experiment in experiments)}"
    )


def pick_device(wanted: str, of_family: str) -> str:
    """`cpu` or `cuda`; `auto` takes a GPU where there is one.

    Raises:
        PipelineError: `cuda` is asked for and there is no such device.
    """
    if wanted == "cpu":
        return "cpu"
    if of_family == "xgboost" and not Path("/dev/nvidiactl").exists():
        # torch would know, but takes seconds to import.
        has_gpu = False
    else:
        import torch

        has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise PipelineError("device cuda was asked for, but this machine has no usable GPU")
    return "cuda" if has_gpu else "cpu"


def judge(
    split: Split, name: str, probability: NDArray[np.float64]
) -> dict[str, dict[str, Metrics]]:
    """Metrics of the model and both baselines on the test rows, by name and scope."""
    test = split.test
    every = {
        name: probability,
        baselines.CONSTANT: baselines.constant(split.train, test),
        baselines.RECENCY: baselines.recency(split.train, test),
    }
    return {
        who: evaluate(values, test.label, test.weight, test.campaign)
        for who, values in every.items()
    }


def _figures(judged: dict[str, dict[str, Metrics]], name: str) -> dict[str, float]:
    figures = {}
    for who, scopes in judged.items():
        prefix = "" if who == name else f"{who}."
        for scope, metrics in scopes.items():
            for key, value in metrics.as_dict().items():
                if value is not None:
                    figures[f"{prefix}{scope}.{key}"] = float(value)
    return figures


if __name__ == "__main__":
    main()
