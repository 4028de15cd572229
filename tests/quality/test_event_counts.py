"""What is counted of accepted events, against a plain reading of the rule."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from include.days import Days
from include.quality.event_counts import event_counts

DAY = date(2026, 3, 28)
EVENTS = pa.schema(
    {"user_id": pa.int64(), "occurred_at": pa.timestamp("us", "UTC"), "category": pa.string(),
     "ingest_date": pa.date32()}
)  # fmt: skip
KNOWN = pa.schema({"user_id": pa.int64(), "known_date": pa.date32()})
ARRIVED = Days(DAY, DAY + timedelta(days=3))
ZONES = ["UTC", "Europe/Berlin", "Africa/Casablanca"]
DAYS = st.integers(0, 3).map(lambda n: DAY + timedelta(days=n))
MOMENTS = st.integers(-40, 100).map(
    lambda hours: datetime(2026, 3, 28, tzinfo=UTC) + timedelta(hours=hours)
)
ROWS = st.lists(
    st.tuples(st.integers(1, 4), MOMENTS, st.sampled_from(["cars", "(unknown)", "(none)"]), DAYS)
)


def counted(rows: list[tuple[int, datetime, str, date]], known: dict[int, date], zone: str) -> dict[
    date, dict[str, int]
]:  # fmt: skip
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        columns = list(zip(*rows, strict=True)) if rows else [[], [], [], []]
        database.register("core_events", pa.table([*map(list, columns)], schema=EVENTS))
        users = pa.table([[*known], [*known.values()]], schema=KNOWN)
        return event_counts(database, "core_events", users, ARRIVED, zone)


@given(ROWS, st.dictionaries(st.integers(1, 4), DAYS), st.sampled_from(ZONES))
def test_late_and_unknown(
    rows: list[tuple[int, datetime, str, date]], known: dict[int, date], zone: str
) -> None:
    expected: dict[date, dict[str, int]] = {}
    for user, moment, category, day in rows:
        of_day = expected.setdefault(day, {"late": 0, "unknown_category": 0, "unknown_user": 0})
        of_day["late"] += moment.astimezone(ZoneInfo(zone)).date() < day
        of_day["unknown_category"] += category == "(unknown)"
        of_day["unknown_user"] += not (user in known and known[user] <= day)
    assert counted(rows, known, zone) == expected


def test_no_events() -> None:
    assert counted([], {1: DAY}, "UTC") == {}
