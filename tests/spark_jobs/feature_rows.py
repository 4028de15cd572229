"""All feature tables of some daily rows, as a job would make them one by one."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame

from include.config import Campaign
from spark_jobs.transforms import visit_days, windows
from spark_jobs.transforms.pairs import FeatureTables


def feature_tables(
    daily: DataFrame, dates: list[date], campaigns: Sequence[Campaign], types: tuple[str, ...]
) -> FeatureTables:
    """Features of the dates; every type of event is a visit."""
    categories = sorted({campaign.category for campaign in campaigns})
    per_pair = windows.user_category(daily, dates, types)
    days = visit_days.visit_days(daily, dates, categories, types)
    of_users = visit_days.user_visits(days)
    of_pairs = visit_days.user_category_visits(days)
    return FeatureTables(
        per_pair,
        windows.user(daily, per_pair, dates, types),
        of_pairs,
        of_users,
        visit_days.campaign_category(of_users, of_pairs, dates, categories),
    )
