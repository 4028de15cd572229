"""`make up`, the days that `make run` leaves to the reader, the DAGs on demand, `make down`.

Prints how long one day through `lake_daily` and `score_daily` takes, task by task. Needs a state
that `make run` has just made: each day is backfilled once, and a user is erased.
"""

import os
import time
from typing import Any

import psutil
import pytest

from include.settings import settings
from tests.acceptance.airflow_runs import DAGS, airflow, backfill, trigger
from tests.acceptance.commands import PROJECT, run, say, sql

pytestmark = [pytest.mark.scheduler, pytest.mark.usefixtures("scheduler")]

FIRST, LAST, DAYS = "2017-12-25", "2017-12-28", 4
DAY_BEFORE, REST, YEARS_END, NEW_YEAR = "2017-12-27", "2017-12-29", "2017-12-31", "2018-01-01"
LATEST = "select distinct score_date from predictions.latest_campaign_propensity"


def test_every_dag_is_there_and_none_has_an_import_error() -> None:
    found: set[str] = set()
    for _ in range(60):
        found = {dag_id for (dag_id,) in airflow("select dag_id from dag where not is_stale")}
        if found == DAGS:
            break
        time.sleep(1)
    assert airflow("select filename, stacktrace from import_error") == []
    assert found == DAGS


def test_a_team_mails_on_christmas_day_by_the_scores_of_the_eve() -> None:
    number = sql("select marketing.reserve_audience('soft_drinks', date '2017-12-25', 450)",
                 "marketing")  # fmt: skip
    reserved = (
        "select count(*) = 450, count(*) = count(email) from marketing.campaign_audience "
        f"where reservation_id = {number}"
    )
    assert sql(reserved, "marketing") == "t|t"
    assert sql(f"select marketing.confirm_sends({number})", "marketing") == "450"


def test_the_next_days_are_backfilled() -> None:
    for dag_id in ("lake_daily", "score_daily"):
        backfill(dag_id, FIRST, LAST, DAYS)
    whole = sum(show_tasks(dag_id, LAST) for dag_id in ("lake_daily", "score_daily"))
    say(f"one of these days through both, its neighbours beside it: {whole:.0f} s")


def show_tasks(dag_id: str, day: str) -> float:
    """Print the tasks of a day's run; returns how long the run took, in seconds."""
    ((run_id, whole),) = airflow(
        "select run_id, extract(epoch from end_date - start_date)::float from dag_run "
        "where dag_id = %s and run_type = 'backfill' and data_interval_start::date = %s",
        dag_id, day,
    )  # fmt: skip
    tasks = airflow(
        "select task_id, duration from task_instance where dag_id = %s and run_id = %s "
        "order by start_date",
        dag_id, run_id,
    )  # fmt: skip
    for task_id, seconds in tasks:
        say(f"  {seconds:6.1f} s  {dag_id}.{task_id}")
    say(f"  {whole:6.1f} s  {dag_id} of {day}, with what lies between its tasks")
    return float(whole)


def test_each_of_these_days_is_predicted_for_every_known_user_by_one_model() -> None:
    filled = sql(
        "select count(*), bool_and(row_count = users * 8), count(distinct model_version) "
        "from (select p.*, (select count(*) from pii.contacts c "
        "where c.ingest_date <= p.score_date) as users from predictions.publications p "
        f"where status = 'published' and score_date between '{FIRST}' and '{LAST}') as days"
    )
    assert filled == f"{DAYS}|t|1"


def test_the_warehouse_was_told_the_state_of_every_task_of_these_days() -> None:
    ran = airflow(
        "select distinct r.dag_id || ' ' || r.data_interval_start::date || ' ' || t.task_id "
        "from task_instance t join dag_run r using (dag_id, run_id) "
        "where r.run_type = 'backfill' and r.data_interval_start::date between %s and %s "
        "and t.state = 'success'",
        FIRST, LAST,
    )  # fmt: skip
    told = sql(
        "select distinct dag_id || ' ' || data_day || ' ' || task_id from analytics.task_states "
        f"where data_day between '{FIRST}' and '{LAST}' and state <> 'failed' "
        "and dag_id like '%_daily'"  # `make run` ran `lake_history` as of the first of them
    )
    assert {task.split()[0] for (task,) in ran} == {"lake_daily", "score_daily"}
    assert {task for (task,) in ran} == set(told.splitlines())


def test_the_rest_of_the_year_in_one_pass_and_every_row_is_accounted_for() -> None:
    # Its last day but one is a Sunday, so it has features.
    trigger("lake_history", from_date=REST, to_date=NEW_YEAR)
    landed = sql(
        "select sum(landed), sum(landed - accepted - rejected - duplicate - erased) "
        "from analytics.ingest_accounting where table_name = 'events'"
    )
    purchases, mailings, redemptions = 1_469_307, 6_589, 2_102
    assert landed == f"{purchases + mailings + redemptions}|0"


def test_a_day_is_withdrawn_and_brought_back() -> None:
    number = sql(f"select publication_id from predictions.publications where score_date='{LAST}'")
    trigger("revert_publication", day=LAST, publication_id=0, reason="acceptance test")
    assert sql(LATEST, "analyst") == DAY_BEFORE
    trigger("revert_publication", day=LAST, publication_id=int(number), reason="and back again")
    assert sql(LATEST, "analyst") == LAST


def test_the_effect_of_a_mail_is_measured() -> None:
    backfill("score_daily", YEARS_END, YEARS_END, 1)
    backfill("uplift_daily", YEARS_END, YEARS_END, 1)
    measured = sql(
        "select campaign_id, send_date, treatment_positives, treatment_users, "
        "control_positives, control_users, round(difference::numeric, 4), "
        "round(difference_low::numeric, 4), round(difference_high::numeric, 4) "
        "from analytics.campaign_uplift", "analyst",
    )  # fmt: skip
    say(measured)
    assert [line.split("|")[:2] for line in measured.splitlines()] == [["soft_drinks", FIRST]]


def test_a_user_is_erased() -> None:
    trigger("erase_user", user_id=149, requested_by="acceptance test")
    left = sql(
        "select (select count(*) from pii.contacts where user_id = 149), (select count(*) "
        "from predictions.campaign_propensity where user_id = 149), (select count(*) > 5 from "
        "pii.erasures, jsonb_object_keys(report -> 'lake') where finished_at is not null)"
    )
    assert left == "0|0|t"


def test_after_the_weekly_upkeep_the_audience_is_whoever_may_be_mailed() -> None:
    trigger("maintain_weekly")
    audience = "select count(*) > 1000, count(email) from marketing.campaign_audience"
    assert sql(audience, "marketing") == "t|0"  # none of them is reserved
    say(sql("select newest_date, expected_date, is_newest_expected, reason "
            "from predictions.freshness", "marketing"))  # fmt: skip


def test_make_down_leaves_no_process_behind() -> None:
    say(run("make", "-s", "down").strip())
    assert left_behind() == []


def left_behind() -> list[dict[str, Any]]:
    """What runs of this installation, besides this process and those that it comes from."""
    home = str(settings().home)
    us = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [
        process.info
        for process in psutil.process_iter(["pid", "cmdline", "cwd"])
        if process.pid not in us
        and (
            home in (line := " ".join(process.info["cmdline"] or []))
            # Some overwrite their command line, some their environment; none its working directory.
            or ("airflow" in line and process.info["cwd"] == str(PROJECT))
        )
    ]
