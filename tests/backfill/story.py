"""What happens to the market in the last week of its year: every DAG, most of them more than once.

The same steps whether somebody kills tasks meanwhile or not: each ends when its runs succeeded.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.settings import settings
from tests.acceptance.airflow_runs import airflow
from tests.acceptance.commands import sql
from tests.backfill.own_airflow import begin_backfill, begin_trigger, settle

FIRST, LAST, DAYS = "2017-12-25", "2017-12-28", 4
CORRECTED, MIDDLE, YEARS_END = "2017-12-26", "2017-12-27", "2017-12-31"
MONDAY = "2017-12-18"
ERASED = 149


def load_and_score() -> int:
    """A team mails by the scores of the eve; four days are loaded and scored at once."""
    team = "select marketing.reserve_audience('soft_drinks', date '2017-12-25', 450)"
    if sql("select count(*) from predictions.audience_reservations") == "0":
        sql(f"select marketing.confirm_sends({sql(team, 'marketing')})", "marketing")
    loaded = settle(begin_backfill("lake_daily", FIRST, LAST, DAYS))
    return loaded + settle(begin_backfill("score_daily", FIRST, LAST, DAYS))


def train_and_roll_back() -> int:
    """A week of the past is trained; its champion goes again."""
    trained = settle(begin_backfill("train_weekly", MONDAY, MONDAY, 1))
    return trained + settle(begin_trigger("rollback_model", reason="harness"))


def correct_a_day() -> int:
    """A day's files are replaced; the days are built again while history is loaded over them."""
    with_tenth_less(CORRECTED)
    at_once = [
        *begin_trigger("lake_history", from_date=MIDDLE, to_date=LAST),
        *begin_backfill("lake_daily", FIRST, LAST, DAYS, "completed"),
        *begin_trigger("score_daily", day=MIDDLE),
        *begin_trigger("maintain_weekly"),
    ]
    return settle(at_once)


def refresh() -> int:
    """What that made stale is built again, and what was predicted from it."""
    return settle(begin_trigger("refresh", dry_run=False, predictions=True))


def measure_and_revert() -> int:
    """The rest of the year in one pass; the mails' effect; a day's predictions are taken back."""
    loaded = settle(begin_trigger("lake_history", from_date="2017-12-29", to_date=YEARS_END))
    # Not triggered: tonight's run waits, and no second one of this DAG may run beside it.
    measured = settle(begin_backfill("uplift_daily", YEARS_END, YEARS_END, 1))
    reverted = settle(
        begin_trigger("revert_publication", day=MIDDLE, publication_id=0, reason="harness")
    )
    return loaded + measured + reverted


def erase() -> int:
    """A user is erased, and everything is maintained."""
    erased = settle(begin_trigger("erase_user", user_id=ERASED, requested_by="harness"))
    return erased + settle(begin_trigger("maintain_weekly"))


STEPS: tuple[Callable[[], int], ...] = (
    load_and_score, train_and_roll_back, correct_a_day, refresh, measure_and_revert, erase,
)  # fmt: skip


def work_again() -> int:
    """All of it once more, four days at a time: nothing may change."""
    loaded = settle(begin_backfill("lake_daily", FIRST, LAST, DAYS, "completed"))
    fresh = settle(begin_trigger("refresh", dry_run=False, predictions=True))
    return loaded + fresh


def with_tenth_less(day: str) -> None:
    """The source sends a day again, without every tenth of its events."""
    folder = Path(settings().landing_uri) / "events" / f"date={day}"
    for path in sorted(folder.glob("*.parquet")):
        rows = pq.read_table(path)
        keep = pa.array([n % 10 > 0 for n in range(rows.num_rows)])
        pq.write_table(rows.filter(keep), path)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    started = time.monotonic()
    yield
    print(f"  {time.monotonic() - started:5.0f} s  {what}", flush=True)


def typical_s() -> dict[tuple[str, str], float]:
    """Seconds that a task took so far, by DAG and task."""
    found = airflow(
        "select dag_id, task_id, avg(duration)::float from task_instance "
        "where state = 'success' and duration is not null group by 1, 2"
    )
    return {(dag_id, task_id): seconds for dag_id, task_id, seconds in found}
