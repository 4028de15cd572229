"""Days built again four at a time end as days built in order do; `refresh` builds what is stale.

    make run; make test-acceptance SUITES=order

Twenty minutes on two cores, so CI leaves it out; `tests/lake/race.py` tries the same without
Airflow. Airflow's backfill passes over `max_active_runs` and starts days in any order.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.config import load_config
from include.contracts import lake_tables
from include.days import Days
from include.lake.checksum import rows_checksum
from include.lake.tables import Lake
from include.settings import settings
from tests.acceptance.airflow_runs import (
    airflow,
    backfill,
    create_backfill,
    trigger,
    wait_for_success,
)
from tests.acceptance.commands import say, sql

pytestmark = [pytest.mark.order, pytest.mark.usefixtures("scheduler")]

FIRST = date(2017, 12, 26)
DAYS = Days(FIRST, FIRST + timedelta(days=3))
TABLES = (
    "core.events", "core.rejected_events", "features.user_category_daily",
    "features.user_category", "features.user", "features.category",
    "features.user_category_visits", "features.user_visits", "features.campaign_category",
)  # fmt: skip
STALE = "select count(*) from analytics.stale_partitions"


@pytest.fixture(scope="module")
def in_order() -> dict[str, tuple[int, str]]:
    """Rows and checksum of each table's four days, as built one after the other at first."""
    backfill("lake_daily", "2017-12-25", "2017-12-25", 1)
    backfill("lake_daily", f"{DAYS.first}", f"{DAYS.last}", len(DAYS))
    found = contents()
    assert all(rows for table, (rows, _) in found.items() if "rejected" not in table)
    return found


def contents() -> dict[str, tuple[int, str]]:
    lake, tables = Lake(settings()), lake_tables(load_config(settings()).events.names)
    found = {}
    for name in TABLES:
        rows = lake.arrow(tables[name], DAYS)
        found[name] = (rows.num_rows, rows_checksum(rows))
    for name, (count, checksum) in found.items():
        say(f"  {name}: {count:,} rows, {checksum}")
    return found


@pytest.fixture
def first_day_without_a_tenth() -> Iterator[None]:
    """The source sends the first day again, corrected; afterwards as it was at first."""
    folder = Path(settings().landing_uri) / "events" / f"date={FIRST}"
    whole = {path: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
    assert whole
    for path in whole:
        rows = pq.read_table(path)
        keep = pa.array([n % 10 > 0 for n in range(rows.num_rows)])
        pq.write_table(rows.filter(keep), path)
    try:
        yield
    finally:
        for path, data in whole.items():
            path.write_bytes(data)


def again(first: date, last: date) -> None:
    """Build days again, four at a time, as the runbook says."""
    days = Days(first, last)
    (before,) = airflow("select coalesce(max(id), 0) from backfill")[0]
    create_backfill(
        "lake_daily", f"{first}", f"{last}",
        "--reprocess-behavior", "completed", "--max-active-runs", "4",
    )  # fmt: skip
    wait_for_success(
        f"{days} again",
        lambda: [
            state
            for (state,) in airflow(
                "select r.state from dag_run r join backfill_dag_run b on b.dag_run_id = r.id "
                "where b.backfill_id > %s", before,
            )
        ],
        len(days),
    )  # fmt: skip


def started() -> list[str]:
    """The days in the order in which their builds ended."""
    found = airflow(
        "select r.data_interval_start::date::text from task_instance t join dag_run r "
        "on r.dag_id = t.dag_id and r.run_id = t.run_id where t.dag_id = 'lake_daily' "
        "and t.task_id = 'lake.build' and r.data_interval_start::date between %s and %s "
        "order by t.end_date", DAYS.first, DAYS.last,
    )  # fmt: skip
    return [day for (day,) in found]


def test_a_corrected_day_and_all_after_it_four_at_a_time(
    in_order: dict[str, tuple[int, str]], first_day_without_a_tenth: None
) -> None:
    again(DAYS.first, DAYS.last)
    say(f"  built in the order {', '.join(started())}")
    assert sql(STALE) == "0"
    corrected = contents()
    assert corrected["core.events"][0] < in_order["core.events"][0]
    # Without a gap and without Airflow's order, one pass over all of them finds nothing to change.
    trigger("lake_history", from_date=f"{DAYS.first}", to_date=f"{DAYS.last}")
    assert contents() == corrected


def test_and_back_again(in_order: dict[str, tuple[int, str]]) -> None:
    again(DAYS.first, DAYS.last)
    say(f"  built in the order {', '.join(started())}")
    assert sql(STALE) == "0"
    assert contents() == in_order


def test_one_corrected_day_and_what_refresh_makes_of_it(
    in_order: dict[str, tuple[int, str]], first_day_without_a_tenth: None
) -> None:
    again(FIRST, FIRST)
    stale = sql("select table_name, count(*), min(partition_date), max(partition_date) "
                "from analytics.stale_partitions group by 1 order by 1")  # fmt: skip
    say(f"  stale after {FIRST} was corrected:\n{stale}")
    assert re.search(r"features\.user\b", stale)
    assert str(FIRST) not in stale, "it was built just now"
    half_way = contents()
    trigger("refresh")
    assert contents() == half_way, "a dry run changes nothing"
    assert sql(STALE) != "0"
    trigger("refresh", dry_run=False)
    assert sql(STALE) == "0"
    refreshed = contents()
    assert refreshed != half_way
    trigger("lake_history", from_date=f"{DAYS.first}", to_date=f"{DAYS.last}")
    assert contents() == refreshed


def test_the_days_are_as_they_were_when_the_source_takes_it_back(
    in_order: dict[str, tuple[int, str]],
) -> None:
    again(FIRST, FIRST)
    trigger("refresh", dry_run=False)
    assert sql(STALE) == "0"
    assert contents() == in_order
