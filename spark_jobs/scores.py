"""Scores: features and a model → `scores.campaign_propensity`."""

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.config import Campaign
from include.contracts import propensity
from include.errors import PipelineError
from include.models.prediction import Predictor, SavedModel, read_model
from include.settings import check_arm_key
from spark_jobs.feature_tables import feature_tables
from spark_jobs.job import run_job
from spark_jobs.known import arrivals
from spark_jobs.tables import Tables
from spark_jobs.transforms.pairs import known_users, pair_features
from spark_jobs.transforms.ranking import with_arm, with_rank_and_decile
from spark_jobs.workspace import Workspace

SCORES = propensity.SCORES.name
MODEL_URI, MODEL_VERSION = "model_uri", "model_version"
"""Parameters of the job: where the model lies, and which version it is."""


def build(work: Workspace) -> None:
    """Stage the scores of all known users for all active campaigns, on each of the job's days."""
    for parameter in (MODEL_URI, MODEL_VERSION):
        if not work.properties.get(parameter):
            raise PipelineError(f"the job needs --set {parameter}=...")
    model = read_model(work.properties[MODEL_URI])
    require_features(model, work)
    campaigns = work.config.active_campaigns
    users, pairs = pairs_of(work, campaigns)
    predicted = pairs.mapInArrow(
        partial(predict, model), "score_date date, user_id long, campaign_id string, score double"
    )
    ranked = with_rank_and_decile(predicted)
    armed = with_arm(ranked, campaigns, check_arm_key(work.settings))
    work.stage(
        SCORES,
        armed.withColumn("model_version", F.lit(work.properties[MODEL_VERSION])),
    )
    work.properties["users"] = str(users.where(F.col("feature_date") == work.days.last).count())


def require_features(model: SavedModel, work: Tables) -> None:
    """Refuse to predict with a model of other features than the lake's.

    Raises:
        NoModelError: The text names the difference.
    """
    events = work.config.events
    model.require_features(propensity.features(events.names, events.visit_names), "features.*")


def pairs_of(
    work: Tables, campaigns: Sequence[Campaign], *, is_as_of_then: bool = False
) -> tuple[DataFrame, DataFrame]:
    """Known users of the job's days, and their pairs with campaigns, with the model's features.

    Args:
        work: Where they are read.
        campaigns: The campaigns.
        is_as_of_then: Whether the tables are those that a day was scored from: then they are read
            as they are, by whatever rules they were made.

    Returns:
        As `known_users` and `pair_features` have them.

    Raises:
        PipelineError: The lake has no features of a day.
    """
    dates = list(work.days)
    users = known_users(
        arrivals(work, "core.users", work.reach(SCORES, "core.users"), work.days.first), dates
    )
    if lacking := set(dates) - work.held_days("features.user", work.days):
        raise PipelineError(
            f"the lake has no features of {', '.join(map(str, sorted(lacking)))}: run lake_daily "
            "for these days first"
        )
    pairs = pair_features(
        users,
        feature_tables(work, SCORES, dates, campaigns, is_checked=not is_as_of_then),
        campaigns,
        work.event_types,
        work.settings.time_zone,
    )
    return users, pairs


def predict(model: SavedModel, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
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
