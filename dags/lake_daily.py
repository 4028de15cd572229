"""Every day's arrivals, checked, in the lake: core tables, daily activity, features.

    landing/*/date=D ──build──▶ core.* ──▶ features.user_category_daily ──▶ features.*
       (_SUCCESS)      └ staged ──gate──▶ publish (one Iceberg commit a table)
                └──▶ contacts ──▶ pii.contacts (contact data never enters the lake)

Runs at midnight (of `PROPENSITY_TIME_ZONE`) for the day that just ended, which is the data day D =
the start of the data interval, and waits without holding a worker until every landing folder of D
has its `_SUCCESS`.
Nights that an outage left out are made up, oldest first, up to `PROPENSITY_CATCH_UP_DAYS` back.
Each task replaces exactly D's partitions, and any of them can be cleared: `publish` refuses what is
older than what is there. A day with later days after it is summed up by them: where its rows
changed, those are stale, and `refresh` builds them again.

    airflow backfill create --dag-id lake_daily --from-date 2017-12-25 --to-date 2017-12-28

Days may be backfilled several at a time, new ones and, with `--reprocess-behavior completed`, those
that are there: each waits for runs of earlier days, and until every day before it is there and none
of them is stale. Where nobody builds these any more (one failed, or the backfill runs backwards and
its later days hold all slots), a run of a backfill gives up within minutes and says so;
`--reprocess-behavior failed` builds what is left. What later days were made from rows that changed
becomes stale: see `refresh`.

**When it fails.** `wait_for_landing`: the message names the folders that lack `_SUCCESS`; ask the
source, then clear the task. `wait_for_earlier_runs`: look at the runs of earlier days; one that
failed is waited for by nobody. `wait_for_days_before`: a day before D was never built; the message
says from which day on to backfill (features over a gap would be wrong without anyone noticing).
`build`: the last lines of its log name the file or the rule; nothing was committed, the last good
data stays. `gate`: the log lists what failed and links Data Docs; repair the data and clear
`build`, or correct the rule in `include/quality/` and say why. `publish`: clear it; what is
committed already isn't committed again. `contacts`: clear it.
If D's landing data was corrected later: docs/runbook.md, "A source sent a day again, corrected".
"""

from airflow.sdk import chain, dag, task

from include.contracts.lineage import REACH_DAYS
from include.orchestration.assets import CONTACTS
from include.orchestration.defaults import (
    DAY,
    NIGHTLY,
    START,
    day_param,
    default_args,
    landing_deadline,
    night,
    run_timeout,
)
from include.orchestration.groups import build_gate_publish
from include.orchestration.waits import WaitUntilReady


@dag(
    schedule=night(),
    start_date=START,
    catchup=False,  # but see `night`
    # A night that waits for its landing files, and a run by hand beside it. Days are built in order
    # by `wait_for_earlier_runs`, not by this: a backfill passes over it.
    max_active_runs=2,
    default_args=default_args(NIGHTLY),
    params={"day": day_param()},
    dagrun_timeout=run_timeout(),
    tags=["lake", "tier:1"],
    doc_md=__doc__,
)
def lake_daily() -> None:
    """Wire the DAG."""
    deadline = landing_deadline()
    wait_for_landing = WaitUntilReady(
        task_id="wait_for_landing", check="landed", arguments={"day": DAY}, deadline=deadline
    )
    earlier = {"dag_id": "lake_daily", "day": DAY, "days": REACH_DAYS}
    wait_for_earlier_runs = WaitUntilReady(
        task_id="wait_for_earlier_runs", check="earlier_runs", arguments=earlier,
        deadline=deadline, made_by=earlier,
    )  # fmt: skip
    wait_for_days_before = WaitUntilReady(
        task_id="wait_for_days_before", check="days_before", arguments={"day": DAY},
        deadline=deadline, made_by=earlier,
    )  # fmt: skip

    @task(outlets=[CONTACTS])
    def contacts(day: str) -> None:
        from include.audience.contacts import load_contacts

        load_contacts(day, day)

    chain(
        wait_for_landing,
        wait_for_earlier_runs,
        wait_for_days_before,
        build_gate_publish("lake_days", DAY, DAY, group_id="lake"),
    )
    chain(wait_for_landing, contacts(DAY))


lake_daily()
