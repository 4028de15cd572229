"""Yardstick: landed events to `core.events` and `core.rejected_events`, in DuckDB.

The same rules as `spark_jobs/transforms/events.py` and `duplicates.py` for one day, without one
before it to look back to. Judged rows are kept in a table: on 2 million rows of Parquet and a busy
machine that took 13-16 s where reading them three times took 24-26 s.
"""

import duckdb

from tests.bench.yardsticks.work import Work, work

MAX_VALUE = 1_000_000_000
CONTENT = "occurred_at, user_id, listing_id, event_type, value"
ISO = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?"
NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
LANDED = ("event_id", "occurred_at", "user_id", "listing_id", "event_type", "value")
TEXTS = ", ".join(f"{name}: 'varchar'" for name in LANDED)
PARQUET = """
select nullif(event_id, '') as event_id, occurred_at,
  case when user_id >= 0 then user_id end as user_id,
  case when listing_id >= 0 then listing_id end as listing_id,
  nullif(event_type, '') as event_type,
  case when isfinite(value) then value end as value,
  {raw} as landed, filename
from read_parquet({files}, filename = true, hive_partitioning = false)
"""
JSON = """
select nullif(event_id, '') as event_id,
  case when regexp_full_match(occurred_at, '{iso}') then try_cast(occurred_at as timestamptz) end
    as occurred_at,
  case when regexp_full_match(user_id, '\\d{{1,19}}') then try_cast(user_id as bigint) end
    as user_id,
  case when regexp_full_match(listing_id, '\\d{{1,19}}') then try_cast(listing_id as bigint) end
    as listing_id,
  nullif(event_type, '') as event_type,
  case when regexp_full_match(value, '{number}') then try_cast(value as double) end as value,
  {raw} as landed, filename
from read_json({files}, columns = {{{texts}}}, format = 'newline_delimited', filename = true,
  hive_partitioning = false)
"""
RAW = "struct_pack(event_id, occurred_at, user_id, listing_id, event_type, value)"


def checks(asked: Work) -> dict[str, str]:
    """Conditions of refusal by reason; null counts as false."""
    day, known = f"date '{asked.day}'", ", ".join(f"'{name}'" for name in asked.event_types)

    texts = ("event_id", "event_type") if asked.form == "parquet" else LANDED

    def missing(name: str) -> str:
        is_empty = f" or landed.{name} = ''" if name in texts else ""
        return f"(landed.{name} is null{is_empty})"

    def invalid(name: str) -> str:
        return f"({name} is null and not {missing(name)})"

    def decimal(name: str) -> str:
        is_text = name in texts
        return rf"regexp_full_match(landed.{name}, '\d+\.\d+(E\d+)?')" if is_text else "false"

    return {
        "missing_event_id": missing("event_id"),
        "missing_occurred_at": missing("occurred_at"),
        "invalid_occurred_at": invalid("occurred_at"),
        "occurred_in_future": f"occurred_at::date > {day}",
        "occurred_too_long_ago": f"occurred_at::date < {day} - {asked.max_lateness_days}",
        "missing_user_id": missing("user_id"),
        "invalid_user_id": invalid("user_id"),
        "decimal_user_id": decimal("user_id"),
        "missing_event_type": missing("event_type"),
        "unknown_event_type": f"event_type not in ({known})",
        "missing_listing_id": f"({missing('listing_id')} and event_type in ({known}))",
        "invalid_listing_id": invalid("listing_id"),
        "decimal_listing_id": decimal("listing_id"),
        "invalid_value": invalid("value"),
        "value_out_of_bounds": f"abs(value) > {MAX_VALUE}",
    }


def main(asked: Work) -> None:
    """Write both tables."""
    database = connect(asked)
    form = {"parquet": PARQUET, "json": JSON}[asked.form]
    read = form.format(files=list(asked.landed), raw=RAW, iso=ISO, number=NUMBER, texts=TEXTS)
    conditions = checks(asked)
    is_refused = " or ".join(f"coalesce({condition}, false)" for condition in conditions.values())
    reasons = ", ".join(f"case when {sql} then '{name}' end" for name, sql in conditions.items())
    database.execute(f"""
create temp table judged as
  select event_id, {CONTENT}, {is_refused} as is_refused, filename,
    case when is_refused then landed end as landed,
    case when is_refused
      then list_filter([{reasons}], lambda reason: reason is not null) end as reasons
  from ({read});
create temp table repeated as
  select event_id from judged where not is_refused group by event_id having count(*) > 1;
create temp table suspects as
  select *, row_number() over same as nth,
    ({CONTENT}) is distinct from first_value(({CONTENT})) over same as contradicts
  from judged semi join repeated using (event_id)
  where not is_refused
  window same as (partition by event_id order by {nulls_first(CONTENT)});
create temp view accepted as
  select event_id, {CONTENT} from judged anti join repeated using (event_id) where not is_refused
  union all select event_id, {CONTENT} from suspects where nth = 1;
create temp view refused as
  select landed, reasons, filename from judged where is_refused
  union all
  select struct_pack(event_id, {CONTENT}), ['contradicts_same_event_id'], filename
  from suspects where contradicts;
create temp table categories as
  select distinct on (listing_id) listing_id, category
  from read_parquet({list(asked.listings)}, hive_partitioning = false)
  where ingest_date <= date '{asked.day}' order by listing_id, ingest_date desc;
""")
    write(
        database,
        asked,
        "core.events",
        f"""
select event_id, {CONTENT},
  case when listing_id is null then '(none)' else coalesce(category, '(unknown)') end as category,
  date '{asked.day}' as ingest_date
from accepted left join categories using (listing_id)
""",
    )
    write(
        database,
        asked,
        "core.rejected_events",
        f"""
select to_json(landed)::varchar as raw, reasons,
  regexp_extract(filename, '([^/]+/date=[^/]+/[^/]+)$', 1) as source_file,
  date '{asked.day}' as ingest_date
from refused
""",
    )


def connect(asked: Work) -> duckdb.DuckDBPyConnection:
    """A database in memory; what doesn't fit goes beside the outputs."""
    database = duckdb.connect()
    for name, value in {
        "TimeZone": "UTC",
        "preserve_insertion_order": "false",
        "temp_directory": asked.folder("_spilt"),
    }.items():
        database.execute(f"set {name} = '{value}'")
    return database


def nulls_first(columns: str) -> str:
    """An order in which nulls come first, as in Spark's."""
    return ", ".join(f"{name} nulls first" for name in columns.split(", "))


def write(database: duckdb.DuckDBPyConnection, asked: Work, table: str, query: str) -> None:
    """Write the rows of a query as the files of a table: as many as there are threads."""
    folder = asked.folder(table)
    database.execute(
        f"copy ({query}) to '{folder}' (format parquet, compression zstd, per_thread_output true, "
        "overwrite_or_ignore true)"
    )


if __name__ == "__main__":
    main(work())
