"""From scores to a ranking: rank, decile, and arm (treatment, or the holdout: control)."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.config import Campaign

HASH_RANGE = 1 << 32


def with_rank_and_decile(scores: DataFrame) -> DataFrame:
    """Add `rank` (int, 1 the best, ties by `user_id`) and `decile` (int, 1 the best tenth).

    Args:
        scores: `score_date`, `campaign_id`, `user_id`, `score`; one row a day and pair.

    Example:
        >>> scores = rows('''
        ...     user_id | score
        ...     1       | 0.5
        ...     2       | 0.9
        ...     3       | 0.5
        ... ''', score_date="2026-03-10", campaign_id="sell_cars")
        >>> show(with_rank_and_decile(scores), "user_id", "score", "rank", "decile")
        user_id | score | rank | decile
        1       | 0.5   | 2    | 2
        2       | 0.9   | 1    | 1
        3       | 0.5   | 3    | 3
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

    The arm follows from user, campaign and key alone: it is the same on every day and in every
    rerun, and nobody who lacks the key can tell who will be in control.

    Args:
        scores: `campaign_id`, `user_id` and anything else.
        campaigns: Their `holdout_share` decides; it covers every campaign of `scores`.
        key: Secret of the hash.

    Example:
        >>> scores = rows('''
        ...     user_id
        ...     1
        ...     2
        ...     3
        ...     4
        ... ''', campaign_id="sell_cars")
        >>> half = Campaign(campaign_id="sell_cars", category="cars",
        ...                 positive_event_types=("buy",), horizon_days=7, holdout_share=0.5)
        >>> show(with_arm(scores, [half], key="mine"), "user_id", "arm")
        user_id | arm
        1       | treatment
        2       | control
        3       | control
        4       | treatment
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
