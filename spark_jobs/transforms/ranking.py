"""From scores to a ranking: rank, decile, arm."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.config import Campaign

HASH_RANGE = 1 << 32


def with_rank_and_decile(scores: DataFrame) -> DataFrame:
    """Add `rank` (int, 1 the best, ties by `user_id`) and `decile` (int, 1 the best tenth).

    Args:
        scores: `score_date`, `campaign_id`, `user_id`, `score`; one row a day and pair.
    """
    best_first = Window.partitionBy("score_date", "campaign_id").orderBy(
        F.col("score").desc(), "user_id"
    )
    return scores.withColumns(
        {
            "rank": F.row_number().over(best_first).cast("int"),
            "decile": F.ntile(10).over(best_first).cast("int"),
        }
    )


def with_arm(scores: DataFrame, campaigns: Sequence[Campaign], key: str) -> DataFrame:
    """Add `arm`: `control` for a campaign's holdout share, else `treatment`.

    The arm follows from user, campaign and key alone: every rerun and every day deals alike, and
    nobody who lacks the key can tell who will be in control.

    Args:
        scores: `campaign_id`, `user_id` and anything else.
        campaigns: Their `holdout_share` decides; it covers every campaign of `scores`.
        key: Secret of the hash.
    """
    name = F.concat_ws(":", F.col("campaign_id"), F.col("user_id").cast("string"))
    # SHA-256 with the key on both sides, like HMAC: no extension of the text can be computed.
    digest = F.sha2(F.concat(F.lit(f"{key}:"), name, F.lit(f":{key}")), 256)
    draw = F.conv(F.substring(digest, 1, 8), 16, 10).cast("double") / HASH_RANGE
    share: Column = F.lit(None).cast("double")
    for campaign in campaigns:
        share = F.when(
            F.col("campaign_id") == campaign.campaign_id, F.lit(campaign.holdout_share)
        ).otherwise(share)
    return scores.withColumn(
        "arm", F.when(draw < share, F.lit("control")).when(draw >= share, F.lit("treatment"))
    )
