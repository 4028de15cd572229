"""Readers without pause while a day is published, republished and reverted again and again.

    bin/python -m tests.predictions.hammer [USERS_A_CAMPAIGN [CHANGES]]

Prints how many reads there were, how many were inconsistent, and the longest. The default is the
size that CI runs; 125_000 users are a million rows a day.
"""

import multiprocessing
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
from tests.predictions.score_rows import DAY, go, scores

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


def shift(version: int) -> float:
    """What a version adds to every score."""
    return version % 50 * 1e-4


def read(url: str, users: int, sums: Sequence[Any], stop: Event, results: Any) -> None:
    """Read until told to stop; alternate between single statements and repeatable reads."""
    seen = Seen(0, [], 0.0)
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            query = READS[seen.reads % len(READS)]
            is_repeated = seen.reads % 2 == 1
            if is_repeated:
                connection.execute("begin isolation level repeatable read")
                connection.execute("select count(*) from predictions.publications")
            started = time.perf_counter()
            rows = [connection.execute(query).fetchone() for _ in range(1 + is_repeated)]
            took = time.perf_counter() - started
            if is_repeated:
                connection.execute("commit")
                took /= 2
            seen.longest_s = max(seen.longest_s, took)
            for row in rows:
                seen.reads += 1
                if problem := _wrong(row, users, sums, is_whole=query != BEST):
                    seen.inconsistent.append(problem)
            if rows[0] != rows[-1]:
                seen.inconsistent.append(f"changed within a transaction: {rows}")
    results.put(seen)


def _wrong(row: Any, users: int, sums: Sequence[Any], *, is_whole: bool) -> str | None:
    count, ids, campaigns, low, high, total = row
    expected = users * len(CAMPAIGNS) if is_whole else min(users, 1_000)
    if (count, ids, campaigns) != (expected, 1, len(CAMPAIGNS)) or low != high:
        return str(row)
    if is_whole and total != sums[int(low)]:
        return f"{row}: the sum is another version's"
    return None


def hammer(place: Settings, users: int, changes: int) -> list[Seen]:
    """Change what is visible `changes` times under readers' eyes; returns what they saw."""
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
        multiprocessing.Process(target=read, args=(url, users, sums, stop, results))
        for _ in range(READERS)
    ]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, changes + 1):
            started = time.monotonic()
            if number % 5 == 0:
                what = f"reverted to publication {revert(engine(place), DAY, None, 'try', 'ann')}"
            else:
                what = f"published version {number}"
                change(number, replaces_revert=True)
            if users > 10_000:
                print(f"{number} of {changes}: {what} in {time.monotonic() - started:.1f} s",
                      flush=True)  # fmt: skip
    finally:
        stop.set()
        seen = [results.get(timeout=120) for _ in readers]
        for reader in readers:
            reader.join()
    return seen


def main(users: int, changes: int) -> None:
    with own_warehouse() as place:
        seen = hammer(place, users, changes)
    wrong = [problem for reader in seen for problem in reader.inconsistent]
    print(
        f"{users * len(CAMPAIGNS):,} rows, {changes} publications, republications and reverts: "
        f"{sum(reader.reads for reader in seen)} reads by {len(seen)} readers, {len(wrong)} "
        f"inconsistent, the longest took {max(reader.longest_s for reader in seen):.2f} s"
    )
    if wrong:
        sys.exit("\n".join(wrong[:20]))


if __name__ == "__main__":
    given = [int(argument.replace("_", "")) for argument in sys.argv[1:]]
    main(*(given + [2_500, 50][len(given) :]))
