"""Measure what mails brought, from cohorts frozen at the reservation and the lake's events."""

import logging
from collections.abc import Iterator
from datetime import date
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.exc import DBAPIError

from include.audience.uplift import Reservation, leave_out_erased, measure, unmeasured
from include.config import load_config
from include.contracts import lake_tables
from include.database.engine import engine
from include.database.sqlstates import LOCK_NOT_AVAILABLE, sqlstate
from include.days import Days
from include.lake.ledger import committed_days
from include.lake.tables import Lake
from include.settings import settings

log = logging.getLogger(__name__)

ACTIVITY = "features.user_category_daily"
BATCH_ROWS = 65_536


def measure_uplift(day: str) -> None:
    """Measure the reservations whose window is complete at the end of `day`.

    A reaction counts as labels do: it happened within the window and had arrived by its end.
    """
    chosen = settings()
    with engine(chosen).begin() as connection:
        leave_out_erased(connection)
        reservations = unmeasured(connection, date.fromisoformat(day))
    measured = 0
    for reservation in reservations:
        window = Days(reservation.send_date, reservation.last_day)
        with engine(chosen).connect() as connection:
            is_complete = committed_days(connection, ACTIVITY, window) == set(window)
        if not is_complete:
            continue
        try:
            with engine(chosen).begin() as connection:
                row = measure(connection, reservation, reacted(Lake(chosen), reservation))
        except DBAPIError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            log.warning(
                "reservation %d is measured with another day: a session of its team keeps campaign "
                "%s locked", reservation.reservation_id, reservation.campaign_id,
            )  # fmt: skip
            continue
        if row is None:
            continue  # given back while its reactions were read
        measured += 1
        print(
            f"[uplift] reservation {reservation.reservation_id}, {reservation.campaign_id} of "
            f"{reservation.send_date}: {row['treatment_positives']} of {row['treatment_users']} "
            f"users in treatment reacted, {row['control_positives']} of {row['control_users']} in "
            "control",
            flush=True,
        )
    print(
        f"[uplift] {len(reservations)} reservations open, {measured} measured through {day}",
        flush=True,
    )


def reacted(lake: Lake, reservation: Reservation) -> Iterator[int]:
    """Users who reacted within a reservation's window, once a batch of rows, in bounded memory."""
    contract = lake_tables(load_config(lake.settings).events.names)[ACTIVITY]
    kinds = [f"{kind}_count" for kind in reservation.positive_event_types]
    window = Days(reservation.send_date, reservation.last_day)
    columns = ("user_id", "category", "event_date", *kinds)
    for batch in lake.stream(contract, lake.files(contract, window), columns, BATCH_ROWS):
        happened = batch.column("event_date")
        counts = pc.and_(
            pc.equal(batch.column("category"), reservation.category),
            pc.and_(
                pc.greater_equal(happened, pa.scalar(reservation.send_date)),
                pc.less_equal(happened, pa.scalar(reservation.last_day)),
            ),
        )
        positive = reduce(pc.add, [batch.column(kind) for kind in kinds])
        counts = pc.and_(counts, pc.greater(positive, 0))
        yield from pc.unique(batch.column("user_id").filter(counts)).to_pylist()
