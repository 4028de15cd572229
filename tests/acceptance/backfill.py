"""`make up`, the days that `make run` leaves to the reader, the DAGs on demand, `make down`.

    bin/python tests/acceptance/backfill.py

Prints how long one day through `lake_daily` and `score_daily` takes, task by task.
"""

import os
import sys
import time

import psutil

from include.settings import settings
from tests.acceptance.airflow_runs import PROJECT, airflow, backfill, expect, run, sql, trigger

FIRST, LAST, DAYS = "2017-12-25", "2017-12-28", 4
DAY_BEFORE, REST, YEARS_END, NEW_YEAR = "2017-12-27", "2017-12-29", "2017-12-31", "2018-01-01"
DAGS = {"lake_daily", "lake_history", "train_weekly", "score_daily", "maintain_weekly",
        "revert_publication", "erase_user", "rollback_model"}  # fmt: skip
LATEST = "select distinct score_date from predictions.latest_campaign_propensity"


def wait_for_dags() -> None:
    for _ in range(60):
        found = {dag_id for (dag_id,) in airflow("select dag_id from dag where not is_stale")}
        if found == DAGS:
            break
        time.sleep(1)
    errors = airflow("select filename, stacktrace from import_error")
    if found != DAGS or errors:
        sys.exit(f"FAILED: DAGs {found}, import errors {errors}")
    print(f"ok: {', '.join(sorted(DAGS))} without import errors", flush=True)


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
        print(f"  {seconds:6.1f} s  {dag_id}.{task_id}")
    print(f"  {whole:6.1f} s  {dag_id} of {day}, with what lies between its tasks", flush=True)
    return float(whole)


def days_that_make_run_left() -> None:
    for dag_id in ("lake_daily", "score_daily"):
        backfill(dag_id, FIRST, LAST, DAYS)
    filled = sql(
        "select count(*), bool_and(row_count = users * 8), count(distinct model_version) "
        "from (select p.*, (select count(*) from pii.contacts c "
        "where c.ingest_date <= p.score_date) as users from predictions.publications p "
        f"where status = 'published' and score_date between '{FIRST}' and '{LAST}') as days"
    )
    expect(f"{DAYS} days of predictions, every known user, by one model", filled, f"{DAYS}|t|1")
    whole = sum(show_tasks(dag_id, LAST) for dag_id in ("lake_daily", "score_daily"))
    print(f"one of these days through both, its neighbours beside it: {whole:.0f} s", flush=True)
    # The rest in one pass: its last day but one is a Sunday, so it has features.
    trigger("lake_history", from_date=REST, to_date=NEW_YEAR)
    expect(
        "1,469,307 purchases, 6,589 mailings and 2,102 redemptions are accounted for",
        sql("select sum(landed), sum(landed - accepted - rejected - duplicate - erased) "
            "from analytics.ingest_accounting where table_name = 'events'"),
        f"{1_469_307 + 6_589 + 2_102}|0",
    )  # fmt: skip


def mail_on_christmas_day() -> None:
    """As the mailing team does, while the scores of Christmas Eve are the newest."""
    number = sql("select marketing.reserve_audience('soft_drinks', date '2017-12-25', 450)",
                 "marketing")  # fmt: skip
    expect("reserved users have addresses",
           sql("select count(*) = 450, count(*) = count(email) from marketing.campaign_audience "
               f"where reservation_id = {number}", "marketing"), "t|t")  # fmt: skip
    expect("450 mails went out",
           sql(f"select marketing.confirm_sends({number})", "marketing"), "450")  # fmt: skip


def on_demand() -> None:
    number = sql(f"select publication_id from predictions.publications where score_date='{LAST}'")
    trigger("revert_publication", day=LAST, publication_id=0, reason="acceptance test")
    expect("a withdrawn day: the one before is the latest", sql(LATEST, "analyst"), DAY_BEFORE)
    trigger("revert_publication", day=LAST, publication_id=int(number), reason="and back again")
    expect("brought back", sql(LATEST, "analyst"), LAST)
    backfill("score_daily", YEARS_END, YEARS_END, 1)
    print(sql("select campaign_id, send_date, treatment_positives, treatment_users, "
              "control_positives, control_users, round(difference::numeric, 4), "
              "round(difference_low::numeric, 4), round(difference_high::numeric, 4) "
              "from analytics.campaign_uplift", "analyst"))  # fmt: skip
    expect("the effect of that mail is measured",
           sql("select count(*) from analytics.campaign_uplift", "analyst"), "1")  # fmt: skip
    trigger("erase_user", user_id=149, requested_by="acceptance test")
    expect(
        "user 149 is gone",
        sql("select (select count(*) from pii.contacts where user_id = 149), (select count(*) "
            "from predictions.campaign_propensity where user_id = 149), (select count(*) > 5 from "
            "pii.erasures, jsonb_object_keys(report -> 'lake') where finished_at is not null)"),
        "0|0|t",
    )  # fmt: skip
    trigger("maintain_weekly")
    expect("the audience is whoever may be mailed",
           sql("select count(*) > 1000, count(email) from "
               "marketing.campaign_audience", "marketing"), "t|0")  # fmt: skip
    print(sql("select newest_date, expected_date, is_newest_expected, reason "
              "from predictions.freshness", "marketing"))  # fmt: skip


def main() -> None:
    print(run("make", "up").strip(), flush=True)
    try:
        wait_for_dags()
        mail_on_christmas_day()
        days_that_make_run_left()
        on_demand()
    finally:
        print(run("make", "down").strip(), flush=True)
    # Some overwrite their command line, some their environment; none its working directory.
    home = str(settings().home)
    left = [p.info for p in psutil.process_iter(["pid", "cmdline", "cwd"])
            if (p.pid not in (os.getpid(), os.getppid()) and p.info["cwd"] == str(PROJECT)
                and "airflow" in " ".join(p.info["cmdline"]))
            or any(home in part for part in p.info["cmdline"] or [])]  # fmt: skip
    if left:
        sys.exit(f"FAILED: make down left processes behind: {left}")
    print("ok: make down left no process behind")
    print("all passed, 0 failed")


if __name__ == "__main__":
    main()
