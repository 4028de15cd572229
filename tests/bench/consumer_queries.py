"""Consumer queries against the same query on the bare partitions; part of `make bench`.

    bin/python -m tests.bench.consumer_queries [USERS_A_CAMPAIGN [DAYS]]

Publishes DAYS days of 8 campaigns × USERS into a Postgres of its own and prints, for each query of
`docs/consumers.md`, how long it takes as `analyst` through the table or view, how long the same
takes on the partitions themselves, and the ratio. Both in turns, so that noise hits both.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import psycopg

from include.config import load_config
from include.databases import database_url
from include.embedded.postgres import start_postgres, stop_postgres
from include.settings import Settings, load_settings
from include.warehouse.campaigns import copy_config, create_team_roles
from include.warehouse.engine import engine
from include.warehouse.migrate import migrate
from tests.warehouse.consumer_queries import consumer_queries
from tests.warehouse.score_rows import go, scores

NEWEST = date(2017, 12, 24)  # of the examples on the page
CAMPAIGNS = ("baby_food", "beef", "cheese", "coffee", "dog_food", "frozen_pizza", "ice_cream",
             "soft_drinks")  # fmt: skip
MEASURED = ("top_today", "top_on_a_day", "user_on_a_day", "user_history")
TURNS = 200


def main(users: int, days: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="propensity-bench-", dir="/var/tmp"))
    home.chmod(0o755)
    place = load_settings({"PROPENSITY_HOME": str(home)})
    os.environ["PROPENSITY_HOME"] = str(home)
    start_postgres(place)
    try:
        with engine(place, "admin").begin() as connection:
            migrate(connection)
            copy_config(connection, load_config(place))
            create_team_roles(connection)
        newest = NEWEST - timedelta(days=days - 1)
        for number in range(days):
            started = time.monotonic()
            go(place, scores(newest + timedelta(days=number), users=users, campaigns=CAMPAIGNS))
            took = time.monotonic() - started
            print(f"published day {number + 1} of {days}: {users * len(CAMPAIGNS):,} rows in "
                  f"{took:.1f} s", flush=True)  # fmt: skip
        compare(place, days)
    finally:
        engine(place).dispose()
        stop_postgres(place)
        shutil.rmtree(home)


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
