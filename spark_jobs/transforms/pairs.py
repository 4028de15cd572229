"""Features of user × campaign pairs: the same function for examples and for scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.config import Campaign
from include.contracts.features import (
    LONGEST_WINDOW_DAYS,
    WINDOWS_DAYS,
    count_name,
    decayed_name,
)
from include.contracts.propensity import RECENCY_FEATURE, VISITS_SINCE_FEATURE
from include.contracts.visits import (
    ACTIVE_WINDOWS_DAYS,
    HALF_LIVES_DAYS,
    USER_VISITS_SINCE,
    VISITS,
    half_life_name,
)
from spark_jobs.transforms.parsing import day_of

PAIR = ("feature_date", "user_id", "campaign_id")
UNKNOWN_IF_NEVER = (
    "category_days_since_last",
    "user_days_since_last",
    VISITS_SINCE_FEATURE,
    *(
        f"{whose}_{column.name}"
        for whose in ("category", "user")
        for column in VISITS
        if column.nullable or column.name == "days_since_visit"
    ),
)
"""Features that are null where nothing happened; of others, nothing is 0."""


@dataclass(frozen=True)
class FeatureTables:
    """Rows of feature tables, of the same dates; each called as its table in `features`."""

    user_category: DataFrame
    user: DataFrame
    user_category_visits: DataFrame
    user_visits: DataFrame
    campaign_category: DataFrame


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


def all_pairs(users: DataFrame, campaigns: Sequence[Campaign]) -> DataFrame:
    """Each user with each campaign.

    Args:
        users: `feature_date`, `user_id`; one row a pair of these.
        campaigns: The campaigns.

    Returns:
        `feature_date`, `user_id`, `campaign_id`.

    Example:
        >>> users = rows('''
        ...     user_id
        ...     1
        ...     2
        ... ''', feature_date="2026-03-31")
        >>> sell_cars = Campaign(campaign_id="sell_cars", category="cars",
        ...                      positive_event_types=("buy",), horizon_days=7, holdout_share=0.1)
        >>> show(all_pairs(users, [sell_cars]))
        feature_date | user_id | campaign_id
        2026-03-31   | 1       | sell_cars
        2026-03-31   | 2       | sell_cars
    """
    keys = users.select("feature_date", "user_id")
    return _offers(users, campaigns).select("campaign_id").crossJoin(keys).select(*PAIR)


def pair_features(
    users: DataFrame,
    tables: FeatureTables,
    campaigns: Sequence[Campaign],
    event_types: tuple[str, ...],
    time_zone: str = "UTC",
    chosen: DataFrame | None = None,
) -> DataFrame:
    """Cross users with campaigns and join their features.

    Args:
        users: Known users: `feature_date`, `user_id`, `registered_at`; one row a pair of the first
            two.
        tables: Rows of feature tables of these dates.
        campaigns: The campaigns.
        event_types: The vocabulary.
        time_zone: Of the data days.
        chosen: Some of `all_pairs`, perhaps with further columns, which stay; default: all.

    Returns:
        One row per feature date, user and campaign: these keys, the campaign's category, and the
        model's features in the contract's order (double). What didn't happen counts 0; a recency
        of what never happened is null.

    Example:
        Two users and two campaigns make four pairs; user 2 was never active.

        >>> from spark_jobs.transforms import visit_days, windows
        >>> dates, types = [date(2026, 3, 31)], ("view", "buy")
        >>> daily = rows('''
        ...     user_id | category | view_count | buy_count
        ...     1       | cars     | 3          | 1
        ...     1       | boats    | 7          | 0
        ... ''', event_date="2026-03-31", ingest_date="2026-03-31", value_sum="0")
        >>> per_category = windows.user_category(daily, dates, types)
        >>> per_user = windows.user(daily, per_category, dates, types)
        >>> days = visit_days.visit_days(daily, dates, ["boats", "cars"], types)
        >>> of_users = visit_days.user_visits(days)
        >>> of_pairs = visit_days.user_category_visits(days)
        >>> of_all = visit_days.campaign_category(of_users, of_pairs, dates, ["boats", "cars"])
        >>> tables = FeatureTables(per_category, per_user, of_pairs, of_users, of_all)
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
        >>> pairs = pair_features(users, tables, campaigns, types)
        >>> pairs = pairs.withColumnRenamed("user_view_count_7d", "views")
        >>> share = F.col("category_share_of_visits_half_life_7d").alias("share")
        >>> show(pairs, "user_id", "campaign_id", "positive_count_7d", "category_days_since_visit",
        ...      "views", share)
        user_id | campaign_id | positive_count_7d | category_days_since_visit | views | share
        1       | sell_cars   | 1.0               | 0.0                       | 10.0  | 1.0
        1       | show_boats  | 7.0               | 0.0                       | 10.0  | 1.0
        2       | sell_cars   | 0.0               | null                      | 0.0   | null
        2       | show_boats  | 0.0               | null                      | 0.0   | null
    """
    offers = _offers(users, campaigns)
    of_pair, of_user = _of_pair(campaigns), _of_user(event_types)
    # Narrowed down before they meet the pairs: a market has hundreds of categories, a few campaigns
    # and many users, and each row and column that goes through a join is copied.
    categories = sorted({campaign.category for campaign in campaigns})

    def per_pair_of(table: DataFrame, columns: dict[str, Column]) -> DataFrame:
        wanted = table.where(F.col("category").isin(categories))
        return offers.join(wanted, "category").select(
            "feature_date",
            "user_id",
            "campaign_id",
            *[c.alias(name) for name, c in columns.items()],
        )

    def per_user_of(table: DataFrame, columns: dict[str, Column]) -> DataFrame:
        named = [column.alias(name) for name, column in columns.items()]
        return table.select("feature_date", "user_id", *named)

    of_pair_visits, of_user_visits = _visits_of_pair(), _visits("user")
    of_category = _of_category()
    per_pair = per_pair_of(tables.user_category, of_pair)
    per_pair_visits = per_pair_of(tables.user_category_visits, of_pair_visits)
    per_user = per_user_of(tables.user, of_user)
    per_user_visits = per_user_of(tables.user_visits, of_user_visits)
    per_category = F.broadcast(
        tables.campaign_category.select(
            "feature_date", "category", *[c.alias(name) for name, c in of_category.items()]
        )
    )
    # The smaller one on the left, as everywhere: of a cross join, too.
    of_users = per_user_visits.join(
        per_user.join(users, ["feature_date", "user_id"], how="right"),
        ["feature_date", "user_id"],
        how="right",
    )
    further = [name for name in chosen.columns if name not in PAIR] if chosen is not None else []
    pairs = (
        of_users.join(offers.join(chosen, "campaign_id"), ["feature_date", "user_id"])
        if chosen is not None
        else offers.crossJoin(of_users)
    )
    joined = per_pair_visits.join(
        per_pair.join(pairs, list(PAIR), how="right"), list(PAIR), how="right"
    ).join(per_category, ["feature_date", "category"], how="left")

    def known(name: str) -> Column:
        return F.col(name) if name in UNKNOWN_IF_NEVER else F.coalesce(name, F.lit(0.0)).alias(name)

    return joined.select(
        *PAIR,
        "category",
        *[known(name) for name in (*of_pair, *of_user)],
        # Capped: beyond the longest window it tells the date rather than the user, and tomorrow's
        # largest value is one that no model has seen.
        F.least(
            F.datediff("feature_date", day_of("registered_at", time_zone)),
            F.lit(LONGEST_WINDOW_DAYS),
        )
        .cast("double")
        .alias(f"user_days_since_registration_max_{LONGEST_WINDOW_DAYS}"),
        *[known(name) for name in (*of_pair_visits, *of_user_visits)],
        *[_share(days) for days in HALF_LIVES_DAYS],
        *of_category,
        *further,
    )


def _offers(users: DataFrame, campaigns: Sequence[Campaign]) -> DataFrame:
    return F.broadcast(
        users.sparkSession.createDataFrame(
            [(c.campaign_id, c.category) for c in campaigns], "campaign_id string, category string"
        )
    )


def _of_pair(campaigns: Sequence[Campaign]) -> dict[str, Column]:
    """Features of a row of `features.user_category` beside `campaign_id`."""

    def positive(column: str) -> Column:
        """Sum over the positive event types of the row's campaign; `column` has a `{kind}`."""
        chosen = F.lit(None).cast("double")
        for kinds in dict.fromkeys(campaign.positive_event_types for campaign in campaigns):
            ids = [c.campaign_id for c in campaigns if c.positive_event_types == kinds]
            counts = [_double(column.format(kind=kind)) for kind in kinds]
            total = reduce(add, [F.coalesce(count, F.lit(0.0)) for count in counts])
            chosen = F.when(F.col("campaign_id").isin(ids), total).otherwise(chosen)
        return chosen

    columns = {f"positive_count_{d}d": positive(count_name("{kind}", d)) for d in WINDOWS_DAYS}
    columns[RECENCY_FEATURE] = positive(decayed_name("{kind}"))
    columns |= {f"category_value_sum_{d}d": _double(f"value_sum_{d}d") for d in WINDOWS_DAYS}
    columns |= {f"category_active_days_{d}d": _double(f"active_days_{d}d") for d in WINDOWS_DAYS}
    return columns | {"category_days_since_last": _double("days_since_last")}


def _of_user(event_types: tuple[str, ...]) -> dict[str, Column]:
    """Features of a row of `features.user`."""
    columns = {
        f"user_{kind}_count_{d}d": _double(count_name(kind, d))
        for kind in event_types
        for d in WINDOWS_DAYS
    }
    columns |= {f"user_value_sum_{d}d": _double(f"value_sum_{d}d") for d in WINDOWS_DAYS}
    columns |= {f"user_active_days_{d}d": _double(f"active_days_{d}d") for d in WINDOWS_DAYS}
    columns["user_days_since_last"] = _double("days_since_last")
    return columns | {"user_categories_84d": _double("categories_84d")}


def _visits(whose: str) -> dict[str, Column]:
    """Features of a row of `features.user_visits` or `features.user_category_visits`."""
    return {f"{whose}_{column.name}": _double(column.name) for column in VISITS}


def _visits_of_pair() -> dict[str, Column]:
    return _visits("category") | {VISITS_SINCE_FEATURE: _double(USER_VISITS_SINCE.name)}


def _share(days: int) -> Column:
    """Of pairs with the features of both, the category's share of the user's visits."""
    name = half_life_name(days)
    mine, every = F.coalesce(f"category_{name}", F.lit(0.0)), F.col(f"user_{name}")
    return F.when(every > 0, mine / every).alias(f"category_share_of_{name}")


def _of_category() -> dict[str, Column]:
    """Features of a row of `features.campaign_category`."""
    users = F.col("users")
    columns = {
        f"category_visitors_share_{days}d": F.when(
            users > 0, _double(f"visitors_{days}d") / users.cast("double")
        )
        for days in ACTIVE_WINDOWS_DAYS
    }
    month = _double("visitors_28d")
    trend = F.when(month > 0, _double("visitors_7d") / month)
    return columns | {"category_visitors_trend": trend}


def _double(name: str) -> Column:
    return F.col(name).cast("double")
