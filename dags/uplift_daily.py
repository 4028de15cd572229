"""What each mail brought: users meant to be mailed beside control users who would have been.

    analytics.campaign_cohorts (frozen when the team reserved) ─┐
    lake activity of the window ────────────────────────────────┴▶ analytics.campaign_uplift

Runs at midnight for the data day D that just ended, as soon as the lake holds D's activity:
reservations whose window ended by D and that were never measured are. A DAG of its own, so that a
good publication isn't a red night because of an old mail.

    airflow backfill create --dag-id uplift_daily --from-date 2017-12-31 --to-date 2017-12-31

**When it fails.** `wait_for_activity`: look at `lake_daily` of D. `measure_uplift`: clear it; no
prediction depends on it, and a later day measures what this one left.
"""

from airflow.sdk import chain, dag, task

from include.orchestration.assets import DAILY_ACTIVITY, PREDICTIONS, UPLIFT
from include.orchestration.defaults import (
    DAY,
    START,
    WEEKLY,
    day_param,
    default_args,
    lake_deadline,
)
from include.orchestration.night import DataDayTimetable
from include.orchestration.waits import WaitUntilReady
from include.settings import settings


@dag(
    schedule=DataDayTimetable(settings().time_zone),
    start_date=START,
    catchup=False,
    max_active_runs=1,  # two at once would measure the same reservations
    default_args=default_args(WEEKLY),
    params={"day": day_param()},
    tags=["audience", "tier:2"],
    doc_md=__doc__,
)
def uplift_daily() -> None:
    """Wire the DAG."""
    wait_for_activity = WaitUntilReady(
        task_id="wait_for_activity",
        check="committed",
        arguments={"day": DAY, "tables": [DAILY_ACTIVITY.name]},
        deadline=lake_deadline(),
    )

    @task(inlets=[DAILY_ACTIVITY, PREDICTIONS], outlets=[UPLIFT])
    def measure_uplift(day: str) -> None:
        from include.audience.measure_uplift import measure_uplift

        measure_uplift(day)

    chain(wait_for_activity, measure_uplift(DAY))


uplift_daily()
