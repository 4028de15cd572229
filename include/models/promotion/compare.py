"""Compare the experiments of a training run with each other, the champion and both baselines."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from mlflow import MlflowClient

from include.config import PipelineConfig
from include.contracts import lake_tables
from include.errors import PipelineError
from include.lake.tables import Lake
from include.models import tracking
from include.models.examples import Examples, feature_names, split_by_time
from include.models.fitting.compute import available_threads
from include.models.judging import baselines
from include.models.judging.evaluate import ALL, evaluate
from include.models.judging.intervals import METRICS, Resampled, resample
from include.models.judging.judged import Judged, judge_rows
from include.models.prediction import read_model
from include.models.promotion import registry
from include.models.promotion.card import model_card
from include.models.promotion.champions import ChampionPeriod, champion_on
from include.models.promotion.rules import CHAMPION, Evidence, Metrics, objections
from include.settings import Settings

CARD_FOLDER = "card"


@dataclass(frozen=True)
class Comparison:
    """What came of it."""

    experiment: str
    """The best by log loss: the candidate."""
    version: str
    champion: str | None
    """The version it was compared with; None if there was no champion that could be."""
    objections: list[str]
    """What stands against promoting it; empty if nothing does."""
    summary: str
    trained_through: date
    card: str
    """URI of the model card."""
    figures: Metrics
    rows: list[dict[str, Any]]
    """Rows for `analytics.model_comparison`."""


def compare(
    settings: Settings,
    config: PipelineConfig,
    training_run: str,
    as_of: date,
    snapshot_id: int,
    history: list[ChampionPeriod],
    images: dict[str, str] | None = None,
) -> Comparison:
    """Judge everybody on the same rows, and register the best as a version.

    Args:
        settings: Where things are.
        config: What was tried, and the conditions of a promotion.
        training_run: The run whose experiments are compared.
        as_of: The training day.
        snapshot_id: Snapshot of the examples that all experiments read.
        history: Champions so far; the one of `as_of` is compared, too.
        images: Image that each experiment's pod ran, as the cluster named it.

    Raises:
        PipelineError: Fewer experiments finished than the configured minimum.
    """
    client = tracking.connect(settings)
    runs = _enough(client, config, training_run)
    experiments = config.experiments
    contract = lake_tables(config.events.names, config.events.visit_names)["training.examples"]
    reading = experiments.reading
    test = split_by_time(
        Lake(settings),
        contract,
        snapshot_id,
        as_of,
        config.horizon_days,
        experiments.snapshot_weeks,
        reading.batch_rows,
    ).test
    # Repeated after its own promotion, a run isn't compared with itself.
    own = {v.version for v in registry.versions(client) if v.run_id in {r.run_id for r in runs}}
    current = champion_on([period for period in history if period.version not in own], as_of)
    judged, champion, misfit = _judged(client, runs, test, reading.judged_rows, current, history)
    promotion = experiments.promotion
    metrics: Metrics = {
        name: {
            scope: found.as_dict()
            for scope, found in evaluate(
                probability, judged.label, judged.weight, judged.campaign
            ).items()
        }
        for name, probability in judged.probability.items()
    }
    resampled = resample(judged, promotion.confidence, promotion.resamples)
    for name, scopes in metrics.items():
        for scope, figures in scopes.items():
            figures.update(_ends(resampled, name, scope))
    best = min(runs, key=lambda run: (metrics[run.experiment][ALL]["log_loss"], run.experiment))
    against = objections(Evidence(metrics, resampled), best.experiment, promotion)
    against += [misfit] if misfit else []
    missing = sorted({e.name for e in experiments.experiments} - {run.experiment for run in runs})
    summary = (
        f"{best.experiment} has the lowest log loss of {len(runs)} experiments"
        + (f" ({', '.join(missing)} did not finish)" if missing else "")
        + (f", but {'; '.join(against)}" if against else " and meets every condition")
    )
    trained_through = date.fromisoformat(best.report["manifest"]["trained_through"])
    image = (images or {}).get(best.experiment, "")
    version = registry.register(client, best, trained_through, image)
    registry.describe(client, version.version, summary)
    for run in runs:
        tracking.add_figures(client, run.run_id, _for_mlflow(metrics, run.experiment))
    files = model_card(
        version.version, best, judged, metrics, resampled, summary, test, champion, image
    )
    tracking.add_files(client, best.run_id, CARD_FOLDER, files)
    card = best.uri.removesuffix("/model") + f"/{CARD_FOLDER}/model_card.html"
    rows = [
        {
            "as_of_date": as_of,
            "experiment": name,
            "scope": scope,
            "snapshot_date": test.snapshot_dates[0],
            **figures,
            "model_version": {best.experiment: version.version, CHAMPION: champion}.get(name),
            "is_promoted": False,
            "decision": summary if name == best.experiment else "",
        }
        for name, scopes in metrics.items()
        for scope, figures in scopes.items()
    ]
    return Comparison(best.experiment, version.version, champion, against, summary,
                      trained_through, card, metrics, rows)  # fmt: skip


def _enough(
    client: MlflowClient, config: PipelineConfig, training_run: str
) -> list[tracking.FinishedRun]:
    runs = tracking.finished_runs(client, training_run)
    wanted = [experiment.name for experiment in config.experiments.experiments]
    minimum = config.experiments.promotion.min_finished_experiments
    if len(runs) < minimum:
        missing = [name for name in wanted if name not in {run.experiment for run in runs}]
        raise PipelineError(
            f"{len(runs)} of {len(wanted)} experiments of {training_run} finished (not: "
            f"{', '.join(missing)}), and min_finished_experiments asks for {minimum}. The log of "
            "each `fit` says why; clear the failed ones, and `compare` runs again after them. "
            "The champion stays, and goes on scoring"
        )
    return runs


def _judged(
    client: MlflowClient,
    runs: list[tracking.FinishedRun],
    test: Examples,
    max_rows: int,
    champion: ChampionPeriod | None,
    history: list[ChampionPeriod],
) -> tuple[Judged, str | None, str]:
    """Everybody's probabilities of the same rows, and the champion's version if it is among them.

    Returns:
        Last, why the champion isn't among them, although there is one; else empty.

    Raises:
        PipelineError: Two experiments were judged on different rows.
    """
    first = runs[0].judged
    probability = {
        name: first.probability[name] for name in (baselines.CONSTANT, baselines.RECENCY)
    }
    for run in runs:
        if not run.judged.rows.equals(first.rows):
            raise PipelineError(
                f"{run.experiment} was judged on other rows than {runs[0].experiment}: they read "
                "different lake snapshots or configurations. Clear `pin_examples` to fit all again"
            )
        probability[run.experiment] = run.judged.probability[run.experiment]
    if champion is None:
        return Judged(first.rows, probability), None, ""
    saved = read_model(registry.find(client, champion.version, history).uri)
    if misfit := saved.misfit([test.contract.column(n) for n in feature_names(test.contract)]):
        # It can't score tonight either; but whoever replaced it unseen might be worse.
        return (
            Judged(first.rows, probability),
            None,
            f"champion {champion.version} ({saved.manifest.experiment}) can't be compared with, "
            f"since {misfit}. Bring these features back, or make a version champion yourself "
            "(rollback_model)",
        )
    predictor = saved.load()
    threads = available_threads()
    again, _ = judge_rows(test, max_rows, {CHAMPION: lambda rows: predictor.predict(rows, threads)})
    probability[CHAMPION] = again.probability[CHAMPION]
    return Judged(first.rows, probability), champion.version, ""


def _ends(resampled: Resampled, name: str, scope: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for metric in METRICS:
        interval = resampled.interval(name, scope, metric)
        found |= {f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    return found


def _for_mlflow(metrics: Metrics, experiment: str) -> dict[str, float]:
    """What its fit didn't log: the intervals, and all of the champion."""
    return {
        (f"{scope}.{key}" if name == experiment else f"{name}.{scope}.{key}"): float(value)
        for name, scopes in metrics.items()
        if name == experiment or name in (CHAMPION, baselines.CONSTANT, baselines.RECENCY)
        for scope, figures in scopes.items()
        for key, value in figures.items()
        if value is not None and (name == CHAMPION or key.endswith(("_low", "_high")))
    }
