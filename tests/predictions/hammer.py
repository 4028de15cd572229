"""Readers in four processes while a day is published, republished and reverted again and again.

    bin/python -m tests.predictions.hammer [USERS_A_CAMPAIGN [CHANGES [PAUSE_S [PATIENCE_S]]]]

Prints how many reads there were, how many were inconsistent, and the longest; how long changes took
and how many sessions of readers were ended for it. The default is the size that CI runs; 125_000
users are a million rows a day. PAUSE_S is what a reader does nothing for between reads: with 0,
reads of a million rows overlap without end, and changes wait for PATIENCE_S.
"""

import contextlib
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np
import psycopg

from include.database.address import database_url
from include.database.engine import engine
from include.predictions import transition
from include.predictions.revert import revert
from include.settings import Settings
from tests.predictions.own_warehouse import CAMPAIGNS, own_warehouse
from tests.predictions.score_rows import DAY, go, query, scores

READERS = 4

# Every version has scores of its own, so their sum tells versions apart, and a mix from both.
WHOLE_DAY = (
    "select count(*), count(distinct publication_id), count(distinct campaign_id), "
    "min(model_version), max(model_version), sum((score * 1e9)::bigint)::bigint "
    "from predictions.{table}"
)
BEST = (
    "select count(*), count(distinct publication_id), 8, min(model_version), max(model_version), "
    "null from (select * from predictions.latest_campaign_propensity "
    "where campaign_id = 'coffee' order by score desc limit 1000) as best"
)
READS = [
    WHOLE_DAY.format(table="campaign_propensity"),
    WHOLE_DAY.format(table="latest_campaign_propensity"),
    BEST,
]


@dataclass
class Seen:
    """What one reader saw."""

    reads: int
    inconsistent: list[str]
    longest_s: float
    ended: int = 0
    """Times that its session was ended, to let a change pass."""


@dataclass
class Hammered:
    """What came of it."""

    readers: list[Seen]
    changes_s: list[float]
    """How long each change took, from its first statement to its last."""


def shift(version: int) -> float:
    """What a version adds to every score."""
    return version % 50 * 1e-4


def read(
    url: str, users: int, sums: Sequence[Any], pause_s: float, stop: Event, results: Any
) -> None:
    """Read until told to stop; alternate between single statements and repeatable reads."""
    seen = Seen(0, [], 0.0)
    while not stop.is_set():
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                while not stop.wait(pause_s):
                    _read_once(connection, users, sums, seen)
        except psycopg.errors.AdminShutdown:
            seen.ended += 1  # a person connects again
    results.put(seen)


def _read_once(
    connection: psycopg.Connection[Any], users: int, sums: Sequence[Any], seen: Seen
) -> None:
    query = READS[seen.reads % len(READS)]
    is_repeated = seen.reads % 2 == 1
    snapshot = connection.transaction() if is_repeated else contextlib.nullcontext()
    with snapshot:
        if is_repeated:
            connection.execute("set transaction isolation level repeatable read")
            connection.execute("select count(*) from predictions.publications")
        started = time.perf_counter()
        rows = [connection.execute(query).fetchone() for _ in range(1 + is_repeated)]
        took = time.perf_counter() - started
    seen.longest_s = max(seen.longest_s, took / len(rows))
    for row in rows:
        seen.reads += 1
        if problem := _wrong(row, users, sums, is_whole=query != BEST):
            seen.inconsistent.append(problem)
    if rows[0] != rows[-1]:
        seen.inconsistent.append(f"changed within a transaction: {rows}")


def _wrong(row: Any, users: int, sums: Sequence[Any], *, is_whole: bool) -> str | None:
    count, ids, campaigns, low, high, total = row
    expected = users * len(CAMPAIGNS) if is_whole else min(users, 1_000)
    if (count, ids, campaigns) != (expected, 1, len(CAMPAIGNS)) or low != high:
        return str(row)
    if is_whole and total != sums[int(low)]:
        return f"{row}: the sum is another version's"
    return None


def hammer(place: Settings, users: int, changes: int, pause_s: float = 0.0) -> Hammered:
    """Change what is visible `changes` times under readers' eyes."""
    # Reading a day takes seconds at a million rows, so the lock is hard to come by.
    transition.LOCK_PAUSE_S = transition.LOCK_PAUSE_MAX_S = 0.2
    sums: dict[int, Any] = {}
    url = database_url(place, "warehouse", role="analyst")

    def change(version: int, **more: Any) -> None:
        go(place, scores(DAY, users, str(version), shift(version), CAMPAIGNS, **more))

    user = np.arange(users)
    for version in range(changes + 1):
        score = (user + 1) / (users + 1) * 0.9 + shift(version)
        sums[version] = int(np.rint(score * 1e9).astype(np.int64).sum()) * len(CAMPAIGNS)
    change(0)
    stop = multiprocessing.Event()
    results: Any = multiprocessing.Queue()
    readers = [
        multiprocessing.Process(target=read, args=(url, users, sums, pause_s, stop, results))
        for _ in range(READERS)
    ]
    for reader in readers:
        reader.start()
    changes_s = []
    try:
        for number in range(1, changes + 1):
            started = time.monotonic()
            if number % 5 == 0:
                what = f"reverted to publication {revert(engine(place), DAY, None, 'try', 'ann')}"
            else:
                what = f"published version {number}"
                change(number, replaces_revert=True)
            changes_s.append(time.monotonic() - started)
            if users > 10_000:
                print(f"{number} of {changes}: {what} in {changes_s[-1]:.1f} s", flush=True)
    finally:
        stop.set()
        seen = [results.get(timeout=120) for _ in readers]
        for reader in readers:
            reader.join()
    return Hammered(seen, changes_s)


def main(users: int, changes: int, pause_s: float, patience_s: int) -> None:
    with own_warehouse() as place:
        query(place, f"update predictions.service_level set reader_patience_s = {patience_s}",
              "admin")  # fmt: skip
        done = hammer(place, users, changes, pause_s)
    seen = done.readers
    wrong = [problem for reader in seen for problem in reader.inconsistent]
    print(
        f"{users * len(CAMPAIGNS):,} rows, {changes} publications, republications and reverts: "
        f"{sum(reader.reads for reader in seen)} reads by {len(seen)} readers that pause for "
        f"{pause_s:g} s, {len(wrong)} inconsistent, the longest took "
        f"{max(reader.longest_s for reader in seen):.2f} s. Changes took "
        f"{statistics.median(done.changes_s):.1f} s in the median, {max(done.changes_s):.1f} s at "
        f"most, with a patience of {patience_s} s; {sum(reader.ended for reader in seen)} sessions "
        "of readers were ended for them"
    )
    if wrong:
        sys.exit("\n".join(wrong[:20]))


if __name__ == "__main__":
    given = [float(argument.replace("_", "")) for argument in sys.argv[1:]]
    size, count, pause, patience = given + [2_500, 50, 0, 120][len(given) :]
    main(int(size), int(count), pause, int(patience))
