"""Yardstick: a day's `core.events` to `features.user_category_daily`, in DuckDB."""

from tests.bench.yardsticks.events_duckdb import connect, write
from tests.bench.yardsticks.work import Work, work

VALUE_UNIT = 10_000


def main(asked: Work) -> None:
    """Write the table."""
    counts = ", ".join(
        f"count(*) filter (event_type = '{kind}') as {kind}_count" for kind in asked.event_types
    )
    write(
        connect(asked),
        asked,
        "features.user_category_daily",
        f"""
select user_id, category, occurred_at::date as event_date, {counts},
  sum(round(coalesce(value, 0) * {VALUE_UNIT})::bigint)::bigint / {VALUE_UNIT} as value_sum,
  max(occurred_at) as last_occurred_at, ingest_date
from read_parquet({list(asked.rows)}, hive_partitioning = false)
group by user_id, category, event_date, ingest_date
""",
    )


if __name__ == "__main__":
    main(work())
