"""What is counted of accepted events beside their audit: late ones, and of what nobody knows."""

from collections.abc import Iterable
from datetime import date

import pyarrow as pa
from duckdb import DuckDBPyConnection

from include.config.categories import UNKNOWN_CATEGORY
from include.days import start_of

COUNTED = ("late", "unknown_category", "unknown_user")
"""Fields of `Accounting`."""
BEGINS = pa.schema({"ingest_date": pa.date32(), "begins_at": pa.timestamp("us", "UTC")})
# Of each user and day first: a tenth of the rows, and only those are joined.
COUNTS = """
with per_user as (
  select ingest_date, user_id, count(*) as events,
    count(*) filter (occurred_at < begins_at) as late,
    count(*) filter (category = $unknown) as unknown_category
  from accepted join data_days using (ingest_date)
  group by all
)
select ingest_date, sum(late)::bigint, sum(unknown_category)::bigint,
  coalesce(sum(events) filter (known_date is null or known_date > ingest_date), 0)::bigint
from per_user left join known_users using (user_id)
group by ingest_date
"""


def event_counts(
    database: DuckDBPyConnection,
    view: str,
    known: pa.Table,
    days: Iterable[date],
    time_zone: str = "UTC",
) -> dict[date, dict[str, int]]:
    """How many of a day's accepted events came late, or are of what nobody knows.

    Args:
        database: Where they are.
        view: Their name there: `occurred_at`, `category`, `user_id` and `ingest_date`, one row an
            event.
        known: `user_id` and `known_date` (the first arrival), one row a user.
        days: The days of arrival.
        time_zone: Of the data days.

    Returns:
        By day of arrival: `late` (they happened on a day before), `unknown_category` and
        `unknown_user` (no arrival until that day).

    Example:
        >>> import duckdb
        >>> database = duckdb.connect()
        >>> accepted = database.sql('''
        ...     from (values
        ...       (7, timestamptz '2026-03-10 12:00Z', 'cars', date '2026-03-10'),
        ...       (7, timestamptz '2026-03-09 23:00Z', '(unknown)', date '2026-03-10'),
        ...       (8, timestamptz '2026-03-10 12:00Z', '(none)', date '2026-03-10')
        ...     ) as _(user_id, occurred_at, category, ingest_date)
        ... ''').create_view("accepted")
        >>> dates = [date(2026, 3, 9), date(2026, 3, 11)]
        >>> known = pa.table({"user_id": [7, 8], "known_date": dates})
        >>> days = [date(2026, 3, 10)]
        >>> event_counts(database, "accepted", known, days)
        {datetime.date(2026, 3, 10): {'late': 1, 'unknown_category': 1, 'unknown_user': 1}}
        >>> event_counts(database, "accepted", known, days, "Pacific/Auckland")  # none late there
        {datetime.date(2026, 3, 10): {'late': 0, 'unknown_category': 1, 'unknown_user': 1}}
    """
    # When days begin is Python's to say, here as elsewhere: DuckDB's list of zones is another one.
    begins = {day: start_of(day, time_zone) for day in days}
    given = {
        "known_users": known,
        "data_days": pa.table([[*begins], [*begins.values()]], schema=BEGINS),
    }
    for name, table in given.items():
        database.register(name, table)
    try:
        sql = COUNTS.replace("accepted", f'"{view}"')
        found = database.execute(sql, {"unknown": UNKNOWN_CATEGORY}).fetchall()
    finally:
        for name in given:
            database.unregister(name)
    return {day: dict(zip(COUNTED, counts, strict=True)) for day, *counts in found}
