"""Daily activity: `core.events` → `features.user_category_daily`."""

from spark_jobs.job import run_job
from spark_jobs.transforms.daily_activity import daily_activity
from spark_jobs.workspace import Workspace


def build(work: Workspace) -> None:
    """Stage the sums of the events that arrived on the job's days."""
    events = work.read("core.events", work.reach("features.user_category_daily", "core.events"))
    work.stage(
        "features.user_category_daily",
        daily_activity(events, work.event_types, work.settings.time_zone),
    )


if __name__ == "__main__":
    run_job("daily_activity", [build])
