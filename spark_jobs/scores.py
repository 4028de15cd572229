"""Scores: features and a model → `scores.campaign_propensity`."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa
from pyspark.sql import functions as F

from include.contracts import propensity
from include.errors import PipelineError
from include.models.prediction import Predictor, SavedModel, read_model
from include.settings import check_arm_key
from spark_jobs.job import run_job
from spark_jobs.known import arrivals
from spark_jobs.transforms.pairs import known_users, pair_features
from spark_jobs.transforms.ranking import with_arm, with_rank_and_decile
from spark_jobs.workspace import Workspace

MODEL_URI, MODEL_VERSION = "model_uri", "model_version"
"""Parameters of the job: where the model lies, and which version it is."""


def build(work: Workspace) -> None:
    """Stage the scores of all known users for all active campaigns, on each of the job's days."""
    for parameter in (MODEL_URI, MODEL_VERSION):
        if not work.properties.get(parameter):
            raise PipelineError(f"the job needs --set {parameter}=...")
    model = read_model(work.properties[MODEL_URI])
    features = [column.name for column in propensity.features(work.event_types)]
    model.require_features(features, "features.*")
    campaigns = work.config.active_campaigns
    dates = list(work.days)
    scores, pairs_table = "scores.campaign_propensity", "features.user_category"
    users = known_users(
        arrivals(work, "core.users", work.reach(scores, "core.users"), work.days.first), dates
    )
    lacking = set(dates) - work.lake.days(work.contract("features.user"))
    if lacking:
        raise PipelineError(
            f"the lake has no features of {', '.join(map(str, sorted(lacking)))}: run lake_daily "
            "for these days first"
        )
    pairs = pair_features(
        users,
        work.read(pairs_table, work.reach(scores, pairs_table)),
        work.read("features.user", work.reach(scores, "features.user")),
        campaigns,
        work.event_types,
        work.settings.time_zone,
    )
    predicted = pairs.mapInArrow(
        partial(_predict, model), "score_date date, user_id long, campaign_id string, score double"
    )
    ranked = with_rank_and_decile(predicted)
    armed = with_arm(ranked, campaigns, check_arm_key(work.settings))
    work.stage(
        scores,
        armed.withColumn("model_version", F.lit(work.properties[MODEL_VERSION])),
    )
    work.properties["users"] = str(users.where(F.col("feature_date") == work.days.last).count())


def _predict(model: SavedModel, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Score batches of pairs; runs in Spark's Python workers, a thread each."""
    predictor: Predictor | None = None
    for batch in batches:
        predictor = predictor or model.load()
        yield pa.RecordBatch.from_arrays(
            [
                batch.column("feature_date"),
                batch.column("user_id"),
                batch.column("campaign_id"),
                pa.array(predictor.predict(batch, threads=1)),
            ],
            names=["score_date", "user_id", "campaign_id", "score"],
        )


if __name__ == "__main__":
    run_job("scores", [build])
