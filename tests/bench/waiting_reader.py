"""How long a reader waits while a publication waits for its lock; part of `make bench`.

    bin/python -m tests.bench.waiting_reader [SECONDS]

A slow query holds the prediction table, so a publication asks for its lock, gives up and asks again
(`LOCK_TIMEOUT_MS`, `LOCK_PAUSE_S`); whoever reads in between waits with it. Prints the longest and
the median read of SECONDS (default 20) of reading without pause, beside the same reads without a
publication, and the ratios.
"""

import statistics
import sys
import threading
import time

import psycopg

from include.database.address import database_url
from include.predictions.transition import LOCK_TIMEOUT_MS
from include.settings import Settings
from tests.predictions.own_warehouse import CAMPAIGNS, own_warehouse
from tests.predictions.score_rows import DAY, VISIBLE, go, scores

USERS = 2_500


def main(seconds: float) -> None:
    with own_warehouse() as place:
        url = database_url(place, "warehouse", role="analyst")
        publish(place, 1)
        with psycopg.connect(url) as slow, psycopg.connect(url, autocommit=True) as reader:
            alone = reads(reader, seconds)
            slow.execute(VISIBLE)  # in a transaction that stays open: it holds the table
            publisher = threading.Thread(target=publish, args=(place, 2))
            publisher.start()
            beside = reads(reader, seconds)
            assert publisher.is_alive(), "the publication did not wait"
            slow.rollback()
            publisher.join()
    print(f"{len(alone):,} reads alone, {len(beside):,} while a publication asks for its lock, "
          f"{LOCK_TIMEOUT_MS} ms at a time")  # fmt: skip
    for what, pick in (("longest", max), ("median", statistics.median)):
        with_it, without = pick(beside) * 1_000, pick(alone) * 1_000
        print(f"{what:8} {with_it:7.1f} ms, alone {without:7.1f} ms, ratio {with_it / without:.2f}")


def publish(place: Settings, version: int) -> None:
    go(place, scores(DAY, USERS, f"{version}", campaigns=CAMPAIGNS))


def reads(reader: psycopg.Connection, seconds: float) -> list[float]:
    """How long each read took, in seconds."""
    times = []
    until = time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        reader.execute(VISIBLE).fetchall()
        times.append(time.perf_counter() - started)
    return times


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20)
