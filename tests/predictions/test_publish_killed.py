"""`kill -9` at every step of a publication: readers notice nothing, a retry puts things right."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from include.settings import Settings
from tests.predictions.killed_publisher import POINTS, USERS
from tests.predictions.score_rows import DAY, STATUS, TABLES, VISIBLE, go, query, scores

PROJECT = Path(__file__).parents[2]
OPEN_TRANSACTIONS = (
    "select count(*) from pg_stat_activity where datname = 'warehouse' and xact_start is not null "
    "and pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("point", POINTS)
def test_killed(place: Settings, point: str) -> None:
    go(place, scores(users=USERS))
    ended = subprocess.run(
        [sys.executable, "-m", "tests.predictions.killed_publisher", point],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -9, ended.stderr

    shown = "2" if point == "after the commit" else "1"
    assert query(place, VISIBLE) == [(DAY, 2 * USERS, shown, shown)]
    attempts = query(place, "select status, reason from predictions.publications where "
                     "model_version = '2'")  # fmt: skip
    if point == "before begin":
        assert attempts == []
    elif point != "after the commit":
        assert attempts == [("rejected", "the attempt did not finish")]

    go(place, scores(users=USERS, version="2"))
    assert query(place, VISIBLE) == [(DAY, 2 * USERS, "2", "2")]
    states = query(place, STATUS)
    assert [status for _, status in states].count("published") == 1
    # The visible version, the one before it, and nothing else.
    kept = [f"publication_{number}" for number, status in states if status != "rejected"]
    assert [name for (name,) in query(place, TABLES)] == sorted(kept)
    assert len(kept) == 2
    for _ in range(50):  # a killed client's session ends when the server notices
        if query(place, OPEN_TRANSACTIONS, "admin") == [(0,)]:
            break
        time.sleep(0.1)
    assert query(place, OPEN_TRANSACTIONS, "admin") == [(0,)]
    assert query(place, "select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]
