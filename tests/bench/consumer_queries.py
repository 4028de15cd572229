"""Consumer queries against the same query on the bare partitions; part of `make bench`.

    bin/python -m tests.bench.consumer_queries [USERS_A_CAMPAIGN [DAYS]]

Publishes DAYS days of 8 campaigns × USERS into a Postgres of its own and prints, for each query of
`docs/consumers.md`, how long it takes as `analyst` through the table or view, how long the same
takes on the partitions themselves, and the ratio. Both in turns, so that noise hits both.
"""

import statistics
import sys
import time
from datetime import date, timedelta

import psycopg

from include.database.address import database_url
from include.settings import Settings
from tests.predictions.consumer_queries import consumer_queries
from tests.predictions.own_warehouse import CAMPAIGNS, own_warehouse
from tests.predictions.score_rows import go, scores

NEWEST = date(2017, 12, 24)  # of the examples on the page
MEASURED = ("top_today", "top_on_a_day", "user_on_a_day", "user_history")
TURNS = 200


def main(users: int, days: int) -> None:
    with own_warehouse() as place:
        newest = NEWEST - timedelta(days=days - 1)
        for number in range(days):
            started = time.monotonic()
            go(place, scores(newest + timedelta(days=number), users=users, campaigns=CAMPAIGNS))
            took = time.monotonic() - started
            print(f"published day {number + 1} of {days}: {users * len(CAMPAIGNS):,} rows in "
                  f"{took:.1f} s", flush=True)  # fmt: skip
        compare(place, days)


def compare(place: Settings, days: int) -> None:
    """Print a line a query."""
    queries = consumer_queries()
    ids = [f"predictions.publication_{number + 1}" for number in range(days)]
    newest, history = ids[-1], " union all ".join(f"select * from {name}" for name in ids[-30:])
    with (
        psycopg.connect(
            database_url(place, "warehouse", role="analyst"), autocommit=True
        ) as reader,
        psycopg.connect(database_url(place, "warehouse"), autocommit=True) as owner,
    ):
        for name in MEASURED:
            sql = queries[name]
            table = f"({history}) as bare" if name == "user_history" else newest
            bare = sql.replace("predictions.latest_campaign_propensity", table).replace(
                "predictions.campaign_propensity", table
            )
            assert reader.execute(sql).fetchall() == owner.execute(bare).fetchall()
            times: dict[str, list[float]] = {sql: [], bare: []}
            for _ in range(TURNS):
                for connection, query in ((reader, sql), (owner, bare)):
                    started = time.perf_counter()
                    # Each time as a new query would be: parsed, planned, run, fetched.
                    connection.execute(query, prepare=False).fetchall()
                    times[query].append(time.perf_counter() - started)
            ours, theirs = (statistics.median(times[query]) * 1_000 for query in (sql, bare))
            print(f"{name:14} {ours:7.2f} ms, bare {theirs:7.2f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    given = [int(argument.replace("_", "")) for argument in sys.argv[1:]]
    main(*(given + [25_000, 30][len(given) :]))
