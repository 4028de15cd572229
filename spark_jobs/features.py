"""Features: `features.user_category_daily` → the features of a date.

Windows (`features.user_category`, `.user`, `.category`) and visits (`features.user_visits`,
`.user_category_visits`, `.campaign_category`).
"""

from datetime import date

from include.models.snapshot_dates import feature_dates
from spark_jobs.job import run_job
from spark_jobs.transforms import windows
from spark_jobs.visits import stage_visits
from spark_jobs.workspace import Workspace

FEATURE_DATES = "feature_dates"
"""Parameter of the job: days, with commas between them."""


def build(work: Workspace) -> None:
    """Stage the features of the job's day; of a range: of its snapshot dates and last day.

    Or of the dates that `--set feature_dates=2026-03-10,2026-03-12` names.
    """
    training = work.config.experiments
    given = work.properties.get(FEATURE_DATES)
    dates = (
        sorted(date.fromisoformat(day) for day in given.split(","))
        if given
        else feature_dates(work.days, training.is_snapshot_date, training.snapshot_weeks)
    )
    pairs_table, daily_table = "features.user_category", "features.user_category_daily"
    # What arrived before the longest window began happened before it began, too.
    daily = work.read(daily_table, work.reach(pairs_table, daily_table, dates))
    types = work.event_types
    work.stage(pairs_table, windows.user_category(daily, dates, types), dates)
    pairs = work.staged_rows(pairs_table)
    work.stage("features.user", windows.user(daily, pairs, dates, types), dates)
    work.stage("features.category", windows.category(pairs, types), dates)
    stage_visits(work, dates)


if __name__ == "__main__":
    run_job("features", [build])
