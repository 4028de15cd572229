"""The feature tables as examples and scores read them, refused where they lack a campaign."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.config import Campaign
from include.contracts.visits import CAMPAIGN_CATEGORY, DEFINITION, definition
from include.errors import PipelineError
from spark_jobs.tables import Tables
from spark_jobs.transforms.pairs import FeatureTables


def feature_tables(
    work: Tables,
    made: str,
    dates: Sequence[date],
    campaigns: Sequence[Campaign],
    *,
    is_checked: bool = True,
) -> FeatureTables:
    """Features as of some dates.

    Args:
        work: Where they are read.
        made: The table that is made from them.
        dates: The dates.
        campaigns: The campaigns that they are read for.
        is_checked: Whether they must say something of each campaign, by today's rules.

    Raises:
        PipelineError: Features of a date were made before there was a campaign on the category of
            one of these (so to them, nobody ever visited it), or when a visit was something else.
    """

    def rows(name: str) -> DataFrame:
        found = work.read(name, work.reach(made, name, dates))
        return found.where(F.col("feature_date").isin(*dates))

    categories = rows(CAMPAIGN_CATEGORY.name)
    if is_checked:
        by_today = definition(work.config.events.visit_names)
        _require_all(categories.where(F.col(DEFINITION.name) == by_today), dates, campaigns)
    return FeatureTables(
        rows("features.user_category"),
        rows("features.user"),
        rows("features.user_category_visits"),
        rows("features.user_visits"),
        categories,
    )


def _require_all(
    categories: DataFrame, dates: Sequence[date], campaigns: Sequence[Campaign]
) -> None:
    held = {(row.feature_date, row.category) for row in categories.collect()}
    lacking = sorted(
        (day, campaign.category, campaign.campaign_id)
        for day in dates
        for campaign in campaigns
        if (day, campaign.category) not in held
    )
    if lacking:
        day, category, campaign_id = lacking[0]
        days = sorted({one[0] for one in lacking})
        raise PipelineError(
            f"features of {day} say nothing of {category!r}, the category of campaign "
            f"{campaign_id}: they were made before there was a campaign on it, or when other types "
            f"of events made a visit ({len(days)} dates, {days[0]} to {days[-1]}). Trigger refresh "
            "with dry_run false: it makes those of the newest day and of the snapshot dates of "
            "training. Those of another day lake_daily makes again (backfill it with "
            "--reprocess-behavior completed)"
        )
