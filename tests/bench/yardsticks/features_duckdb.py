"""Yardstick: `features.user_category_daily` to the tables of features, in DuckDB.

As of one day. The same sums and bit masks of days as in `spark_jobs/transforms/windows.py`.
"""

from include.contracts.features import DECAY_DAYS, LONGEST_WINDOW_DAYS, WINDOWS_DAYS
from tests.bench.yardsticks.activity_duckdb import VALUE_UNIT
from tests.bench.yardsticks.events_duckdb import connect, write
from tests.bench.yardsticks.visits_duckdb import write_visits
from tests.bench.yardsticks.work import Work, work

DECAY_UNIT = 1_000_000_000


def windows(asked: Work, rows: str, keys: str, *, is_decayed: bool) -> str:
    """The query that sums daily rows up over the windows."""
    day = f"date '{asked.day}'"
    columns = [
        f"coalesce(sum({kind}_count) filter (age < {days}), 0)::bigint as {kind}_count_{days}d"
        for kind in asked.event_types
        for days in WINDOWS_DAYS
    ]
    if is_decayed:
        columns += [
            f"sum({kind}_count * weight)::bigint / {DECAY_UNIT} as {kind}_decayed_{DECAY_DAYS}d"
            for kind in asked.event_types
        ]
    columns += [
        f"coalesce(sum(units) filter (age < {days}), 0)::bigint / {VALUE_UNIT} as value_sum_{days}d"
        for days in WINDOWS_DAYS
    ]
    columns += [
        f"bit_count(bit_or(bit) & {(1 << days) - 1}::hugeint)::integer as active_days_{days}d"
        for days in WINDOWS_DAYS
    ]
    return f"""
select {keys}, {", ".join(columns)}, min(age)::integer as days_since_last, {day} as feature_date
from (
  select *, {day} - event_date as age, 1::hugeint << ({day} - event_date)::integer as bit,
    round({DECAY_UNIT} * exp(-({day} - event_date) / {DECAY_DAYS}.0::double))::bigint as weight,
    round(value_sum * {VALUE_UNIT})::bigint as units
  from {rows}
  where ingest_date <= {day} and {day} - event_date between 0 and {LONGEST_WINDOW_DAYS - 1}
)
group by {keys}
"""


def main(asked: Work) -> None:
    """Write the tables."""
    database = connect(asked)
    database.execute(f"""
create temp view daily as
  select * from read_parquet({list(asked.rows)}, hive_partitioning = false);
create temp table pairs as {
        windows(
            asked,
            "(from daily where category not in ('(none)', '(unknown)'))",
            "user_id, category",
            is_decayed=True,
        )
    };
create temp table users as {windows(asked, "daily", "user_id", is_decayed=False)};
""")
    counts = ", ".join(
        f"sum({kind}_count_{days}d)::bigint as {kind}_count_{days}d"
        for kind in asked.event_types
        for days in WINDOWS_DAYS
    )
    active = ", ".join(
        f"count(*) filter (active_days_{days}d > 0) as active_users_{days}d"
        for days in WINDOWS_DAYS
    )
    write(database, asked, "features.user_category", "from pairs")
    write(
        database,
        asked,
        "features.user",
        """
select users.*, coalesce(categories, 0) as categories_84d
from users left join (select user_id, count(*) as categories from pairs group by user_id)
  using (user_id)
""",
    )
    write(database, asked, "features.category",
          f"select category, {counts}, {active}, feature_date from pairs group by all")  # fmt: skip
    write_visits(database, asked)


if __name__ == "__main__":
    main(work())
