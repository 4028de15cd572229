"""Small landing zones for tests: files as text, with `_SUCCESS` unless told otherwise."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from include.days import Days
from include.settings import Settings

FIRST = date(2026, 3, 1)  # a Sunday
EVENTS_HEADER = "event_id,occurred_at,user_id,listing_id,event_type,value"


def day(number: int) -> date:
    """The `number`-th day, from 0."""
    return FIRST + timedelta(days=number)


def land(place: Settings, table: str, when: date, name: str, content: str | bytes) -> Path:
    """Write one landing file; `.gz` is packed."""
    folder = Path(place.landing_uri) / table / f"date={when}"
    folder.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    if name.endswith(".gz") and isinstance(content, str):
        data = gzip.compress(data)
    path = folder / name
    path.write_bytes(data)
    return path


def complete(place: Settings, days: Days) -> None:
    """Say of all tables that the days are complete."""
    for table in ("events", "listings", "users"):
        for when in days:
            land(place, table, when, "_SUCCESS", "")


def basics(place: Settings, days: Days, users: int = 3) -> None:
    """Two listings and a few users on the first day; all days complete."""
    land(place, "listings", days.first, "l.csv", "listing_id,category,title,price\n"
         "10,cars,a car,5\n20,boats,a boat,7\n")  # fmt: skip
    rows = [{"user_id": n, "registered_at": "2026-01-01"} for n in range(1, users + 1)]
    land(place, "users", days.first, "u.jsonl", "\n".join(json.dumps(row) for row in rows))
    complete(place, days)


def event(name: str, when: date, **change: Any) -> dict[str, Any]:
    """A good event, with changes."""
    return {"event_id": name, "occurred_at": f"{when}T12:00:00Z", "user_id": 1, "listing_id": 10,
            "event_type": "purchase", "value": 1.5} | change  # fmt: skip


def csv_of(*events: dict[str, Any]) -> str:
    """Events as CSV."""
    rows = [",".join("" if v is None else str(v) for v in row.values()) for row in events]
    return "\n".join([EVENTS_HEADER, *rows]) + "\n"
