"""Contact data: the newest row wins, in any order of loading; consent is given or it isn't."""

import gzip
from datetime import date
from pathlib import Path

from sqlalchemy import text

from include.audience.contacts import load
from include.database.engine import engine
from include.days import Days
from include.landing.zone import Landing
from include.settings import Settings

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


def land(place: Settings, day: date, name: str, content: str) -> None:
    folder = Path(place.landing_uri) / "users" / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    data = content.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def contacts(place: Settings, *days: date) -> dict[int, tuple[str, bool]]:
    landing = Landing(place.landing_uri)
    with engine(place).begin() as connection:
        for day in days:
            load(connection, landing, Days(day, day))
        rows = connection.execute(
            text("select user_id, email, marketing_consent from pii.contacts")
        )
        return {row.user_id: (row.email, row.marketing_consent) for row in rows}


def test_newest_day_wins_whatever_the_order(place: Settings) -> None:
    land(place, FIRST, "u.csv", "user_id,email,marketing_consent\n1,old@example.org,true\n")
    land(place, SECOND, "u.jsonl.gz", '{"user_id": 1, "email": "new@example.org"}\nnot json\n')
    assert contacts(place, SECOND, FIRST) == {1: ("new@example.org", False)}


def test_rows_without_a_user_are_left_to_the_users_job(place: Settings) -> None:
    land(place, FIRST, "u.csv", "user_id,email,marketing_consent\nx,a@example.org,yes\n2,,maybe\n")
    assert contacts(place, FIRST) == {2: (None, False)}


def test_an_erased_user_does_not_come_back(place: Settings) -> None:
    from include.audience.warehouse_erasure import begin

    land(place, FIRST, "u.csv", "user_id,registered_at,email,marketing_consent\n"
         "1,2026-01-01,a@example.org,true\n2,2026-01-01,b@example.org,true\n")  # fmt: skip
    assert set(contacts(place, FIRST)) == {1, 2}
    with engine(place).begin() as connection:
        begin(connection, 1, "#123")
    assert set(contacts(place, FIRST)) == {2}
