"""Compare the experiments of a training run, and promote the best if it is good enough."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from include.config import PipelineConfig, Promotion
from include.contracts import lake_tables
from include.errors import PipelineError
from include.lake import Lake
from include.settings import Settings
from include.training import baselines, tracking
from include.training.data import feature_names, read_split
from include.training.evaluate import ALL, MEAN, evaluate
from include.training.prediction import read_model

CHAMPION = "champion"


@dataclass(frozen=True)
class Decision:
    """What came of a comparison."""

    experiment: str
    version: str
    is_promoted: bool
    reason: str
    rows: list[dict[str, Any]]
    """Rows for `analytics.model_comparison`."""


def compare_and_promote(
    settings: Settings, config: PipelineConfig, training_run: str, as_of: date, snapshot_id: int
) -> Decision:
    """Judge experiments, the champion of the day and both baselines on the same rows.

    Raises:
        PipelineError: Fewer experiments finished than the configured minimum.
    """
    client = tracking.connect(settings)
    runs = tracking.finished_runs(client, training_run)
    wanted = [experiment.name for experiment in config.experiments.experiments]
    missing = sorted(set(wanted) - {run.experiment for run in runs})
    promotion = config.experiments.promotion
    if len(runs) < promotion.min_finished_experiments:
        raise PipelineError(
            f"only {len(runs)} of {len(wanted)} experiments of {training_run} finished (not: "
            f"{', '.join(missing)}) and {promotion.min_finished_experiments} are needed. Look at "
            "the logs of `fit`, clear what failed; the champion stays"
        )
    metrics: dict[str, dict[str, Any]] = {run.experiment: _of(run, run.experiment) for run in runs}
    for name in (baselines.CONSTANT, baselines.RECENCY):
        metrics[name] = _of(runs[0], name)
    champion = _champion(settings, config, client, as_of, snapshot_id)
    if champion is not None:
        metrics[CHAMPION] = champion
    best = min(runs, key=lambda run: (metrics[run.experiment][ALL]["log_loss"], run.experiment))
    objections = judge(metrics, best.experiment, promotion)
    is_promoted = not objections
    reason = (
        f"{best.experiment} has the lowest log loss of {len(runs)} experiments"
        + (f" ({', '.join(missing)} did not finish)" if missing else "")
        + (f", but {'; '.join(objections)}" if objections else " and meets every condition")
    )
    trained_through = date.fromisoformat(best.report["manifest"]["trained_through"])
    version = tracking.register(client, best, trained_through, is_promoted, reason)
    snapshot_date = date.fromisoformat(best.report["manifest"]["snapshot_dates"]["test"][0])
    rows = [
        {
            "as_of_date": as_of,
            "experiment": name,
            "scope": scope,
            "snapshot_date": snapshot_date,
            **values,
            "model_version": version.version if name == best.experiment else None,
            "is_promoted": is_promoted and name == best.experiment,
            "decision": reason if name == best.experiment else "",
        }
        for name, scopes in metrics.items()
        for scope, values in scopes.items()
    ]
    return Decision(best.experiment, version.version, is_promoted, reason, rows)


def judge(metrics: dict[str, dict[str, Any]], candidate: str, promotion: Promotion) -> list[str]:
    """Why a candidate may not become champion; empty if it may.

    Args:
        metrics: By name and scope: the candidate, both baselines, and `champion` if there is one.
        candidate: Whose promotion is judged.
        promotion: The conditions.
    """
    objections = []
    mine = metrics[candidate]
    for name in (baselines.CONSTANT, baselines.RECENCY):
        for scope in (ALL, MEAN):
            gain = (mine[scope]["roc_auc"] or 0) - (metrics[name][scope]["roc_auc"] or 0)
            if gain < promotion.min_auc_gain:
                objections.append(
                    f"its ROC AUC ({scope}) is {gain:+.4f} against {name}, "
                    f"{promotion.min_auc_gain:+.4f} is asked for"
                )
        if mine[ALL]["log_loss"] >= metrics[name][ALL]["log_loss"]:
            objections.append(
                f"its log loss {mine[ALL]['log_loss']:.4f} isn't below that of {name}, "
                f"{metrics[name][ALL]['log_loss']:.4f}"
            )
    error = mine[ALL]["calibration_error"]
    if error > promotion.max_calibration_error:
        objections.append(
            f"its calibration error {error:.4f} is above {promotion.max_calibration_error}"
        )
    champion = metrics.get(CHAMPION)
    if champion is not None and mine[ALL]["log_loss"] >= champion[ALL]["log_loss"]:
        objections.append(
            f"its log loss {mine[ALL]['log_loss']:.5f} isn't below the champion's "
            f"{champion[ALL]['log_loss']:.5f}"
        )
    return objections


def _of(run: tracking.FinishedRun, name: str) -> dict[str, Any]:
    found: dict[str, Any] = run.report["metrics"][name]
    return found


def _champion(
    settings: Settings, config: PipelineConfig, client: Any, as_of: date, snapshot_id: int
) -> dict[str, Any] | None:
    """Metrics of the newest promoted version of that day on the same test rows."""
    fitting = [v for v in tracking.promoted(client) if v.trained_through <= as_of]
    if not fitting:
        return None
    newest = max(fitting, key=lambda v: (v.trained_through, int(v.version)))
    saved = read_model(newest.uri)
    contract = lake_tables(config.events.names)["training.examples"]
    if list(saved.manifest.features) != list(feature_names(contract)):
        # It couldn't score tonight either, so it is no rival.
        return None
    split = read_split(Lake(settings), contract, snapshot_id, as_of)
    test = split.test
    matrix = test.matrix.copy()
    # Codes are places in a model's own list of campaigns.
    codes = {name: code for code, name in enumerate(saved.manifest.campaigns)}
    matrix[:, -1] = [codes.get(name, float("nan")) for name in test.campaign]
    probability = saved.load().model.predict(matrix, threads=1)
    found = evaluate(probability, test.label, test.weight, test.campaign)
    return {scope: value.as_dict() for scope, value in found.items()}
