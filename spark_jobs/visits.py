"""Features of visits: what was known on a Sunday, and the daily rows since.

A night reads a row a user, and one a user and category of a campaign, however long history is, and
the arrivals of up to a week. Of a campaign's category that wasn't looked at on that Sunday, and
where there is no such Sunday, it reads the arrivals of a year.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.config.categories import ANY_CATEGORY
from include.contracts.known import DAILY_ACTIVITY, KNOWN_VISITS, LOOKED_AT, known_day
from include.contracts.visits import (
    CAMPAIGN_CATEGORY,
    DEFINITION,
    USER_CATEGORY_VISITS,
    USER_VISITS,
    WORDS,
    definition,
)
from include.days import Days
from spark_jobs.known import known_base
from spark_jobs.transforms import visit_days as transforms
from spark_jobs.workspace import Workspace


def stage_visits(work: Workspace, dates: Sequence[date]) -> None:
    """Stage the features of visits of some dates, and what is known of visits by a Sunday.

    Args:
        work: The attempt.
        dates: As of the end of each.
    """
    categories = work.config.campaign_categories
    by_today = F.lit(definition(work.config.events.visit_names)).alias(DEFINITION.name)
    sunday = known_day(work.days)
    asked = sorted({*dates, *([sunday] if sunday else [])})
    days, _ = work.keep("visit_days", _days_of(work, asked, categories))
    if sunday:
        known = days.where(F.col("feature_date") == sunday)
        work.stage(
            KNOWN_VISITS.name,
            known.withColumnRenamed("feature_date", KNOWN_VISITS.partition).select(
                "*", by_today, F.lit(json.dumps(categories)).alias(LOOKED_AT.name)
            ),
            [sunday],
        )
    days = days.where(F.col("feature_date").isin(*dates))
    work.stage(USER_VISITS.name, transforms.user_visits(days), dates)
    work.stage(USER_CATEGORY_VISITS.name, transforms.user_category_visits(days), dates)
    work.stage(
        CAMPAIGN_CATEGORY.name,
        transforms.campaign_category(
            work.staged_rows(USER_VISITS.name),
            work.staged_rows(USER_CATEGORY_VISITS.name),
            dates,
            categories,
        ).select("*", by_today),
        dates,
    )


def _days_of(work: Workspace, dates: Sequence[date], categories: Sequence[str]) -> DataFrame:
    reach = work.reach(USER_VISITS.name, DAILY_ACTIVITY, dates)
    types = work.config.events.visit_names

    def since(first: date, last: date, wanted: Sequence[str]) -> DataFrame:
        daily = work.read(DAILY_ACTIVITY, Days(first, last))
        return transforms.visit_days(daily, dates, wanted, types)

    base = known_base(work, DAILY_ACTIVITY, min(dates))
    if base is None or base < reach.first:
        return since(reach.first, reach.last, categories)
    known = work.read(KNOWN_VISITS.name, Days(base, base)).where(
        F.col(DEFINITION.name) == definition(types)
    )
    looked_at = known.select(LOOKED_AT.name).distinct().collect()
    if not looked_at:
        return since(reach.first, reach.last, categories)
    covered = json.loads(looked_at[0][0])
    # Not of campaigns that are over: one pass over the arrivals wouldn't look at them, either.
    wanted = known.where(F.col("category").isin(ANY_CATEGORY, *categories))
    words = wanted.select("user_id", "category", *WORDS)
    parts = [transforms.carried_on(words, base, dates)]
    if base < reach.last:
        parts.append(since(base + timedelta(days=1), reach.last, categories))
    if lacking := [category for category in categories if category not in covered]:
        # Of the user whatever about, this says again what the others say.
        daily = work.read(DAILY_ACTIVITY, Days(reach.first, base))
        only = daily.where(F.col("category").isin(*lacking))
        parts.append(transforms.visit_days(only, dates, lacking, types))
    return transforms.put_together(parts)
