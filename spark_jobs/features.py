"""Features: `features.user_category_daily` → `features.user_category`, `.user`, `.category`."""

from datetime import timedelta

from include.contracts.features import LONGEST_WINDOW_DAYS
from include.days import Days
from include.models.snapshot_dates import feature_dates
from spark_jobs.transforms import windows
from spark_jobs.workspace import Workspace, run_job


def build(work: Workspace) -> None:
    """Stage the features of the job's day; of a range: of its snapshot dates and last day."""
    training = work.config.experiments
    dates = feature_dates(work.days, training.snapshot_weekday, training.snapshot_weeks)
    # What arrived before the longest window began happened before it began, too.
    reach = Days(dates[0] - timedelta(days=LONGEST_WINDOW_DAYS - 1), dates[-1])
    daily = work.read("features.user_category_daily", reach)
    types = work.event_types
    pairs = work.stage("features.user_category", windows.user_category(daily, dates, types), dates)
    work.stage("features.user", windows.user(daily, pairs, dates, types), dates)
    work.stage("features.category", windows.category(pairs, types), dates)


if __name__ == "__main__":
    run_job("features", [build])
