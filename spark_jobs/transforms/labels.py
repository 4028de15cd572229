"""Labels: who reacted to what within the horizon after a snapshot date."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.config import Campaign


def reactions(
    daily: DataFrame, snapshot_dates: Sequence[date], campaigns: Sequence[Campaign]
) -> DataFrame:
    """Pairs that reacted: an event of a positive type in the campaign's category.

    The event must have happened in (s, s + horizon] and have arrived by s + horizon: so the labels
    of a snapshot date s are the same whenever they are built.

    Args:
        daily: Rows of `features.user_category_daily`.
        snapshot_dates: The dates s; each window must be complete.
        campaigns: The campaigns.

    Returns:
        `snapshot_date`, `user_id`, `campaign_id`: one row a pair that reacted.

    Example:
        Five rows in, two out: a week after the 8th begins on the 9th and ends with the 15th.

        >>> daily = rows('''
        ...     user_id | event_date | ingest_date
        ...     1       | 2026-03-08 | 2026-03-08
        ...     2       | 2026-03-09 | 2026-03-09
        ...     3       | 2026-03-15 | 2026-03-15
        ...     4       | 2026-03-15 | 2026-03-16
        ...     5       | 2026-03-16 | 2026-03-16
        ... ''', category="cars", buy_count="1")
        >>> sell_cars = Campaign(campaign_id="sell_cars", category="cars",
        ...                      positive_event_types=("buy",), horizon_days=7, holdout_share=0.1)
        >>> show(reactions(daily, [date(2026, 3, 8)], [sell_cars]))
        snapshot_date | user_id | campaign_id
        2026-03-08    | 2       | sell_cars
        2026-03-08    | 3       | sell_cars
    """
    if not campaigns:
        raise ValueError("there are no campaigns to label for")
    # One pass over the activity, however many campaigns there are.
    kinds = list(dict.fromkeys(campaign.positive_event_types for campaign in campaigns))
    offers = daily.sparkSession.createDataFrame(
        [
            (day, c.campaign_id, c.category, kinds.index(c.positive_event_types),
             day + timedelta(days=c.horizon_days))
            for day in sorted(snapshot_dates)
            for c in campaigns
        ],
        "snapshot_date date, campaign_id string, _category string, _kinds int, _end date",
    )  # fmt: skip
    happened = F.array(
        *[
            reduce(or_, [F.col(f"{kind}_count") > 0 for kind in positive], F.lit(False))
            for positive in kinds
        ]
    )
    return (
        daily.where(F.col("category").isin(sorted({c.category for c in campaigns})))
        .withColumn("_happened", happened)
        .join(
            F.broadcast(offers),
            (F.col("category") == F.col("_category"))
            & (F.col("event_date") > F.col("snapshot_date"))
            & (F.greatest("event_date", "ingest_date") <= F.col("_end"))
            & F.get("_happened", F.col("_kinds")),
        )
        .select("snapshot_date", "user_id", "campaign_id")
        .distinct()
    )


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

    Example:
        Of five negatives, about half are kept, each of which counts twice.

        >>> pairs = rows('''
        ...     user_id
        ...     1
        ...     2
        ...     3
        ...     4
        ...     5
        ...     6
        ... ''', snapshot_date="2026-03-08", campaign_id="sell_cars")
        >>> labelled = with_label_and_weight(pairs, pairs.where("user_id = 1"), negative_share=0.5)
        >>> show(labelled, "user_id", "label", "weight")
        user_id | label | weight
        1       | 1     | 1.0
        3       | 0     | 2.0
        5       | 0     | 2.0
    """
    key = ["snapshot_date", "user_id", "campaign_id"]
    labelled = pairs.join(positive.withColumn("_hit", F.lit(1)), key, how="left").withColumn(
        "label", F.coalesce("_hit", F.lit(0)).cast("int")
    )
    draw: Column = F.pmod(F.xxhash64(*key), F.lit(1_000_000)) / 1_000_000
    is_kept = (F.col("label") == 1) | (draw < negative_share)
    weight = F.when(F.col("label") == 1, F.lit(1.0)).otherwise(F.lit(1.0 / negative_share))
    return labelled.where(is_kept).withColumn("weight", weight).drop("_hit")
