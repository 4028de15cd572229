"""One score computed again, by the functions that scored its day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.config import load_config
from include.days import Days
from include.errors import NoModelError, PipelineError
from include.lake.tables import Pin
from include.models.prediction import SavedModel
from include.settings import Settings
from spark_jobs.scores import pairs_of, predict
from spark_jobs.tables import Tables


@dataclass
class OfUser(Tables):
    """Rows of one user."""

    user_id: int = field(kw_only=True)

    def _read(self, name: str, days: Days | None) -> DataFrame:
        rows = super()._read(name, days)
        return rows.where(F.col("user_id") == self.user_id) if "user_id" in rows.columns else rows


def tables_of(
    spark: SparkSession, settings: Settings, pins: Mapping[str, Pin], day: date, user_id: int
) -> OfUser:
    """What the lake says of one user.

    Args:
        spark: The session.
        settings: They name the lake.
        pins: By table, the snapshot to read.
        day: The day of the score.
        user_id: The user.
    """
    config = load_config(settings)
    return OfUser(spark, settings, config, Days(day, day), pins=pins, user_id=user_id)


def pair_of(tables: OfUser, campaign_id: str) -> pa.RecordBatch:
    """The row that a model is given of a user and a campaign.

    Raises:
        PipelineError: The configuration lacks the campaign, or the lake the day or the user.
    """
    campaigns = [one for one in tables.config.campaigns if one.campaign_id == campaign_id]
    if not campaigns:
        raise PipelineError(
            f"{tables.settings.campaigns} has no campaign {campaign_id} any more, so nobody knows "
            "which category and events it was about: check out the code of then"
        )
    _, pairs = pairs_of(tables, campaigns, is_as_of_then=True)
    found = pairs.toArrow().combine_chunks().to_batches()
    if not found:
        raise PipelineError(
            f"by the lake, user {tables.user_id} wasn't known by the end of {tables.days}"
        )
    return found[0]


def score_of(pair: pa.RecordBatch, model: SavedModel) -> float:
    """What a model says of a pair.

    Raises:
        NoModelError: It needs other features.
    """
    # By name: what it was scored from lies there, whatever the same names have come to say since.
    if lacking := [name for name in model.manifest.features if name not in pair.schema.names]:
        raise NoModelError(
            f"it needs {', '.join(lacking)}, which features.* no longer has: check out the code of "
            "then"
        )
    (scored,) = predict(model, iter([pair]))
    return float(scored.column("score")[0].as_py())
