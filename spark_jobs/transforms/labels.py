"""Labels: who reacted to what within the horizon after a snapshot."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.config import Campaign


def reactions(
    daily: DataFrame, snapshot_dates: Sequence[date], campaigns: Sequence[Campaign]
) -> DataFrame:
    """Pairs that reacted: an event of a positive type in the campaign's category.

    The event must have happened in (s, s + horizon] and have arrived by s + horizon: so the label
    of a snapshot is the same whenever it is built.

    Args:
        daily: Rows of `features.user_category_daily`.
        snapshot_dates: The snapshots s; each window must be complete.
        campaigns: The campaigns.

    Returns:
        `snapshot_date`, `user_id`, `campaign_id`: one row a pair that reacted.
    """
    snapshots = daily.sparkSession.createDataFrame(
        [(day,) for day in sorted(snapshot_dates)], "snapshot_date date"
    )
    found: DataFrame | None = None
    for campaign in campaigns:
        happened = F.lit(False)
        for kind in campaign.positive_event_types:
            happened = happened | (F.col(f"{kind}_count") > 0)
        end = F.date_add("snapshot_date", campaign.horizon_days)
        one = (
            daily.where((F.col("category") == campaign.category) & happened)
            .join(
                F.broadcast(snapshots),
                (F.col("event_date") > F.col("snapshot_date"))
                & (F.greatest("event_date", "ingest_date") <= end),
            )
            .select("snapshot_date", "user_id")
            .distinct()
            .withColumn("campaign_id", F.lit(campaign.campaign_id))
        )
        found = one if found is None else found.unionByName(one)
    if found is None:
        raise ValueError("there are no campaigns to label for")
    return found


def with_label_and_weight(
    pairs: DataFrame, positive: DataFrame, negative_share: float
) -> DataFrame:
    """Add `label` and `weight`, keeping a share of the negatives.

    Args:
        pairs: `snapshot_date`, `user_id`, `campaign_id` and anything else.
        positive: As `reactions` returns it.
        negative_share: Share of negative rows to keep, 0-1; which ones is a hash of the key.

    Returns:
        The kept rows with `label` (int) and `weight` (double): 1, or 1 / `negative_share`.
    """
    key = ["snapshot_date", "user_id", "campaign_id"]
    labelled = pairs.join(positive.withColumn("_hit", F.lit(1)), key, how="left").withColumn(
        "label", F.coalesce("_hit", F.lit(0)).cast("int")
    )
    draw: Column = F.pmod(F.xxhash64(*key), F.lit(1_000_000)) / 1_000_000
    is_kept = (F.col("label") == 1) | (draw < negative_share)
    weight = F.when(F.col("label") == 1, F.lit(1.0)).otherwise(F.lit(1.0 / negative_share))
    return labelled.where(is_kept).withColumn("weight", weight).drop("_hit")
