"""How much memory a day of contacts and a measurement take: `bin/python -m tests.audience.size N`.

N users land with contact data and are in a cohort, and one of 25 reacts. Prints the peak of this
process's resident memory after each step; Postgres is a process of its own.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert

from include.audience.contacts import load_contacts
from include.audience.measure_uplift import ACTIVITY, reacted
from include.audience.uplift import Reservation, measure
from include.config import load_config
from include.contracts import lake_tables
from include.database.engine import engine
from include.database.tables.audience import AudienceReservation
from include.lake.tables import Lake
from include.settings import settings
from tests.predictions.own_warehouse import own_warehouse
from tests.predictions.score_rows import query

DAY = date(2026, 3, 1)
BATCH_ROWS = 500_000


def main(users: int) -> None:
    """Land, load, measure."""
    with own_warehouse() as place:
        os.environ["PROPENSITY_HOME"] = str(place.home)
        settings.cache_clear()
        folder = Path(place.landing_uri) / "users" / f"date={DAY}"
        folder.mkdir(parents=True)
        columns = {"user_id": pa.int64(), "registered_at": pa.string(), "email": pa.string(),
                   "marketing_consent": pa.string()}  # fmt: skip
        with pq.ParquetWriter(folder / "u.parquet", pa.schema(columns)) as writer:
            for first in range(0, users, BATCH_ROWS):
                ids = range(first, min(first + BATCH_ROWS, users))
                rows = [ids, ["2026-01-01"] * len(ids), [f"user{n}@example.org" for n in ids],
                        ["true"] * len(ids)]  # fmt: skip
                writer.write_table(pa.table(dict(zip(columns, map(list, rows), strict=True)),
                                            schema=pa.schema(columns)))  # fmt: skip
        (folder / "_SUCCESS").touch()
        print(f"{users:,} users; before: {_peak_mib()} MiB", flush=True)
        _timed("contacts", lambda: load_contacts(f"{DAY}", f"{DAY}"))

        lake = Lake(place)
        contract = lake_tables(load_config(place).events.names)[ACTIVITY]
        lake.create(contract)
        for first in range(0, users, BATCH_ROWS):
            rows = [
                {"user_id": n, "category": "COFFEE", "event_date": DAY, "purchase_count": 1,
                 "campaign_contact_count": 0, "coupon_redemption_count": 0, "value_sum": 1.0,
                 "last_occurred_at": None, "ingest_date": DAY}
                for n in range(first, min(first + BATCH_ROWS, users), 25)
            ]  # fmt: skip
            lake.table(contract).append(pa.Table.from_pylist(rows, contract.arrow_schema()))
        reserved = {"campaign_id": "coffee", "send_date": DAY,
                    "asked_users": users, "treatment_users": 1, "control_users": 1,
                    "horizon_days": 7, "category": "COFFEE", "positive_event_types": "purchase",
                    "reserved_by": "me", "acted_as": "me", "publication_id": None,
                    "reserved_at": datetime.now(UTC)}  # fmt: skip
        with engine(place, "admin").begin() as connection:
            connection.execute(insert(AudienceReservation).values(reserved))
        query(place, "insert into analytics.campaign_cohorts (reservation_id, campaign_id, "
              "send_date, rank, user_id, arm) "
              "select 1, 'coffee', date '2026-03-01', n + 1, n, "
              "case when n % 10 = 0 then 'control' else 'treatment' end "
              "from generate_series(0, :users) n", "admin", users=users - 1)  # fmt: skip
        reservation = Reservation(
            reservation_id=1, campaign_id="coffee", send_date=DAY, publication_id=0,
            horizon_days=7, category="COFFEE", positive_event_types=("purchase",),
            treatment_users=users - users // 10, control_users=users // 10,
        )  # fmt: skip

        def measured() -> None:
            with engine(place).begin() as connection:
                print(measure(connection, reservation, reacted(lake, reservation)), flush=True)

        _timed("uplift", measured)


def _timed(name: str, step: Callable[[], None]) -> None:
    started = time.monotonic()
    step()
    print(f"{name}: {time.monotonic() - started:.0f} s, peak {_peak_mib()} MiB", flush=True)


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 100_000)
