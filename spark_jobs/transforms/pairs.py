"""Features of user × campaign pairs: the same function for examples and for scores."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.config import Campaign
from include.contracts.features import (
    LONGEST_WINDOW_DAYS,
    WINDOWS_DAYS,
    count_name,
    decayed_name,
)
from include.contracts.propensity import RECENCY_FEATURE
from spark_jobs.transforms.parsing import day_of


def known_users(arrivals: DataFrame, dates: Sequence[date]) -> DataFrame:
    """Users who had arrived by the end of each date.

    Args:
        arrivals: Rows of `core.users`, at most one a user and day of arrival.
        dates: The dates.

    Returns:
        `feature_date`, `user_id`, `registered_at` as known then; one row a date and user.

    Example:
        >>> arrivals = rows('''
        ...     user_id | registered_at | ingest_date
        ...     1       | 2026-01-01    | 2026-03-10
        ...     1       | 2026-01-02    | 2026-03-11
        ...     2       | 2026-03-11    | 2026-03-11
        ... ''')
        >>> show(known_users(arrivals, [date(2026, 3, 10), date(2026, 3, 11)]))
        feature_date | user_id | registered_at
        2026-03-10   | 1       | 2026-01-01 00:00:00
        2026-03-11   | 1       | 2026-01-02 00:00:00
        2026-03-11   | 2       | 2026-03-11 00:00:00
    """
    days = arrivals.sparkSession.createDataFrame([(day,) for day in dates], "feature_date date")
    newest = F.max_by("registered_at", "ingest_date").alias("registered_at")
    return (
        arrivals.join(F.broadcast(days), F.col("ingest_date") <= F.col("feature_date"))
        .groupBy("feature_date", "user_id")
        .agg(newest)
    )


def pair_features(
    users: DataFrame,
    user_category: DataFrame,
    user: DataFrame,
    campaigns: Sequence[Campaign],
    event_types: tuple[str, ...],
    time_zone: str = "UTC",
) -> DataFrame:
    """Cross users with campaigns and join their features.

    Args:
        users: Known users: `feature_date`, `user_id`, `registered_at`; one row a pair of the first
            two.
        user_category: Rows of `features.user_category` of these dates.
        user: Rows of `features.user` of these dates.
        campaigns: The campaigns.
        event_types: The vocabulary.
        time_zone: Of the data days.

    Returns:
        One row per feature date, user and campaign: these keys, the campaign's category, and the
        model's features in the contract's order (double). What didn't happen counts 0; a recency
        of what never happened is null.

    Example:
        Two users and two campaigns make four pairs; user 2 was never active.

        >>> from spark_jobs.transforms import windows
        >>> dates, types = [date(2026, 3, 31)], ("view", "buy")
        >>> daily = rows('''
        ...     user_id | category | view_count | buy_count
        ...     1       | cars     | 3          | 1
        ...     1       | boats    | 7          | 0
        ... ''', event_date="2026-03-31", ingest_date="2026-03-31", value_sum="0")
        >>> per_category = windows.user_category(daily, dates, types)
        >>> per_user = windows.user(daily, per_category, dates, types)
        >>> users = rows('''
        ...     user_id
        ...     1
        ...     2
        ... ''', feature_date="2026-03-31", registered_at="2026-03-01")
        >>> terms = {"horizon_days": 7, "holdout_share": 0.1}
        >>> campaigns = [
        ...     Campaign(campaign_id="sell_cars", category="cars", positive_event_types=("buy",),
        ...              **terms),
        ...     Campaign(campaign_id="show_boats", category="boats",
        ...              positive_event_types=("view", "buy"), **terms),
        ... ]
        >>> pairs = pair_features(users, per_category, per_user, campaigns, types)
        >>> show(pairs, "user_id", "campaign_id", "positive_count_7d", "category_days_since_last",
        ...      "user_view_count_7d")
        user_id | campaign_id | positive_count_7d | category_days_since_last | user_view_count_7d
        1       | sell_cars   | 1.0               | 0.0                      | 10.0
        1       | show_boats  | 7.0               | 0.0                      | 10.0
        2       | sell_cars   | 0.0               | null                     | 0.0
        2       | show_boats  | 0.0               | null                     | 0.0
    """
    spark = users.sparkSession
    offers = spark.createDataFrame(
        [(c.campaign_id, c.category) for c in campaigns], "campaign_id string, category string"
    )
    keys = ["feature_date", "category"]
    # A market has hundreds of categories and a few campaigns: most rows need not be joined at all.
    wanted = sorted({campaign.category for campaign in campaigns})
    user_category = user_category.where(F.col("category").isin(wanted))
    pairs = (
        users.crossJoin(F.broadcast(offers))
        .join(_prefixed(user_category, "uc_", ["feature_date", "user_id", "category"]),
              [*keys, "user_id"], how="left")
        .join(_prefixed(user, "u_", ["feature_date", "user_id"]),
              ["feature_date", "user_id"], how="left")
    )  # fmt: skip

    def zero(name: str) -> Column:
        return F.coalesce(F.col(name).cast("double"), F.lit(0.0))

    def positive(prefix: str, column: str) -> Column:
        """Sum over the positive event types of the row's campaign; `column` has a `{kind}`."""
        chosen = F.lit(None).cast("double")
        for kinds in dict.fromkeys(campaign.positive_event_types for campaign in campaigns):
            ids = [c.campaign_id for c in campaigns if c.positive_event_types == kinds]
            total = F.lit(0.0)
            for kind in kinds:
                total = total + zero(prefix + column.format(kind=kind))
            chosen = F.when(F.col("campaign_id").isin(ids), total).otherwise(chosen)
        return chosen

    windows = WINDOWS_DAYS
    columns = {f"positive_count_{d}d": positive("uc_", count_name("{kind}", d)) for d in windows}
    columns[RECENCY_FEATURE] = positive("uc_", decayed_name("{kind}"))
    columns |= {f"category_value_sum_{d}d": zero(f"uc_value_sum_{d}d") for d in windows}
    columns |= {f"category_active_days_{d}d": zero(f"uc_active_days_{d}d") for d in windows}
    columns["category_days_since_last"] = F.col("uc_days_since_last").cast("double")
    columns |= {
        f"user_{kind}_count_{d}d": zero(f"u_{count_name(kind, d)}")
        for kind in event_types
        for d in windows
    }
    columns |= {f"user_value_sum_{d}d": zero(f"u_value_sum_{d}d") for d in windows}
    columns |= {f"user_active_days_{d}d": zero(f"u_active_days_{d}d") for d in windows}
    columns["user_days_since_last"] = F.col("u_days_since_last").cast("double")
    columns["user_categories_84d"] = zero("u_categories_84d")
    # Capped: beyond the longest window it tells the date rather than the user, and tomorrow's
    # largest value is one that no model has seen.
    columns[f"user_days_since_registration_max_{LONGEST_WINDOW_DAYS}"] = F.least(
        F.datediff("feature_date", day_of("registered_at", time_zone)), F.lit(LONGEST_WINDOW_DAYS)
    ).cast("double")
    return pairs.select(
        "feature_date",
        "user_id",
        "campaign_id",
        "category",
        *[column.alias(name) for name, column in columns.items()],
    )


def _prefixed(rows: DataFrame, prefix: str, keys: list[str]) -> DataFrame:
    return rows.select(
        *keys, *[F.col(name).alias(prefix + name) for name in rows.columns if name not in keys]
    )
