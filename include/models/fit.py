"""Fit one experiment: the entry point of a training pod, and of the embedded subprocess.

    python -m include.models.fit --experiment xgb_deep --examples-snapshot 123 \
        --as-of 2017-12-24 --training-run train_weekly/manual__1 [--device cpu|cuda|auto]

Reads top to bottom: examples at a pinned lake snapshot, split by time, fit, judge once on the
newest matured snapshot date beside both baselines, save without pickle, log to MLflow.
"""

import argparse
import hashlib
import os
import resource
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from include.code_version import code_version
from include.config import Experiment, load_config
from include.contracts import lake_tables
from include.errors import ConfigError, PipelineError
from include.lake.tables import Lake
from include.models import tracking
from include.models.examples import feature_names, split_by_time, summarise
from include.models.fitting.compute import Compute, become_several, pick_compute
from include.models.judging import baselines
from include.models.judging.evaluate import ALL, MEAN, Metrics, evaluate
from include.models.judging.judged import JUDGED_FILE, judge_rows
from include.models.manifest import Manifest
from include.models.matrix import to_matrix
from include.models.prediction import MANIFEST_FILE, family
from include.settings import settings

TERMINATION_LOG = Path("/dev/termination-log")
"""Where Kubernetes looks for a container's last words."""


def main(argv: Sequence[str] | None = None) -> None:
    """Fit the experiment that the arguments name."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parsed(given)
    started = time.monotonic()
    chosen = settings()
    config = load_config(chosen)
    experiment = _find(config.experiments.experiments, arguments.experiment)
    wanted = arguments.device or experiment.device
    compute = pick_compute(wanted, experiment.family)
    processes = arguments.processes or (experiment.gpu if compute.device == "cuda" else 1)
    if processes > 1 and experiment.family == "xgboost":
        raise ConfigError(f"{experiment.name}: xgboost fits in one process, not in {processes}")
    become_several(processes, given)

    contract = lake_tables(config.events.names, config.events.visit_names)["training.examples"]
    reading = config.experiments.reading
    split = split_by_time(
        Lake(chosen), contract, arguments.examples_snapshot, arguments.as_of,
        config.horizon_days, config.experiments.snapshot_weeks, reading.batch_rows,
    )  # fmt: skip
    summary = summarise(split.train)
    layout = summary.layout(feature_names(contract))
    if compute.rank == 0:
        print(
            f"[{experiment.name}] {len(split.train):,} rows of {len(split.train.snapshot_dates)} "
            f"snapshot dates to fit, {len(split.valid):,} to stop by, {len(split.test):,} of "
            f"{split.test.snapshot_dates[0]} to judge; {len(layout.features)} features; device "
            f"{compute.device}{' of its own choice' if wanted == 'auto' else ''}, "
            f"{compute.threads} threads, {compute.world} process(es)",
            flush=True,
        )

    kind, model_file = family(experiment.family)
    fit_started = time.monotonic()
    parameters = kind.resolved(experiment.parameters)
    model = kind.fit(split, layout, experiment.parameters, experiment.seed, compute, reading)
    fit_s = time.monotonic() - fit_started
    if compute.rank > 0:
        return

    judged, recency = judge_rows(
        split.test,
        reading.judged_rows,
        {experiment.name: lambda rows: model.predict(to_matrix(rows, layout), compute.threads)},
    )
    judged.probability[baselines.CONSTANT] = baselines.constant(summary, judged.campaign)
    judged.probability[baselines.RECENCY] = baselines.recency(summary, recency)
    metrics = {
        who: evaluate(values, judged.label, judged.weight, judged.campaign)
        for who, values in judged.probability.items()
    }
    content = model.save()
    manifest = Manifest(
        family=experiment.family,
        experiment=experiment.name,
        parameters=parameters,
        best_iteration=model.best_iteration,
        features=layout.features,
        definitions={name: contract.column(name).definition for name in layout.features},
        campaigns=layout.campaigns,
        categories=layout.categories,
        seed=experiment.seed,
        device=compute.device,
        trained_through=split.test.snapshot_dates[0] + timedelta(days=config.horizon_days),
        examples_snapshot_id=arguments.examples_snapshot,
        snapshot_dates={
            "train": split.train.snapshot_dates,
            "valid": split.valid.snapshot_dates,
            "test": split.test.snapshot_dates,
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
        "durations_s": {"fit": round(fit_s, 2), "all": round(time.monotonic() - started, 2)},
    }
    described = manifest.model_dump_json(indent=1).encode()
    files = {model_file: content, MANIFEST_FILE: described, JUDGED_FILE: judged.to_parquet()}
    _log(chosen, arguments, experiment, compute, metrics, report, files)
    mine = metrics[experiment.name]
    print(
        f"[{experiment.name}] fitted in {fit_s:.1f} s ({len(split.train) / fit_s:,.0f} rows/s), "
        f"{time.monotonic() - started:.1f} s in all, {_peak_mib():,.0f} MiB at most: "
        f"ROC AUC {mine[ALL].roc_auc:.4f} ({mine[MEAN].roc_auc:.4f} averaged over campaigns), "
        f"log loss {mine[ALL].log_loss:.4f}, calibration error {mine[ALL].calibration_error:.4f}",
        flush=True,
    )


def _peak_mib() -> float:
    """The most memory that this process held, pages of cache files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _parsed(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--examples-snapshot", type=int, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--training-run", required=True)
    devices = "default: the experiment's; cuda fails where there is none"
    parser.add_argument("--device", choices=["cpu", "cuda", "auto"], help=devices)
    several = "default: as many as the experiment asks for GPUs"
    parser.add_argument("--processes", type=int, help=several)
    return parser.parse_args(given)


def _find(experiments: Sequence[Experiment], name: str) -> Experiment:
    for experiment in experiments:
        if experiment.name == name:
            return experiment
    raise ConfigError(
        f"there is no experiment {name!r} in experiments.yaml; there are "
        f"{', '.join(experiment.name for experiment in experiments)}"
    )


def _log(
    chosen: Any,
    arguments: argparse.Namespace,
    experiment: Experiment,
    compute: Compute,
    metrics: dict[str, dict[str, Metrics]],
    report: dict[str, Any],
    files: dict[str, bytes],
) -> None:
    manifest = report["manifest"]
    figures: dict[str, float] = {"best_iteration": manifest["best_iteration"]}
    for who, scopes in metrics.items():
        prefix = "" if who == experiment.name else f"{who}."
        for scope, values in scopes.items():
            figures |= {f"{prefix}{scope}.{key}": v for key, v in values.figures().items()}
    tracking.log_run(
        tracking.connect(chosen),
        name=experiment.name,
        tags={
            "experiment": experiment.name,
            "training_run": arguments.training_run,
            "as_of": arguments.as_of.isoformat(),
            "device": compute.device,
        },
        parameters=manifest["parameters"],
        figures=figures,
        report=report,
        files=files,
    )


if __name__ == "__main__":
    try:
        main()
    except PipelineError as error:
        # What Airflow shows is a sentence, not a stack: the last line of the log or, in a pod,
        # where the two streams of a log may change places, the content of this file.
        sentence = f"{type(error).__name__}: {error}"
        if TERMINATION_LOG.exists():
            TERMINATION_LOG.write_text(sentence, encoding="utf-8")
        sys.exit(sentence)
