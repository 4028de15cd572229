"""Measure what mails brought, from cohorts frozen at the reservation and the lake's events."""

from datetime import date

from include.audience.uplift import Reservation, leave_out_erased, measure, unmeasured
from include.config import load_config
from include.contracts import lake_tables
from include.database.engine import engine
from include.days import Days
from include.lake.ledger import committed_days
from include.lake.tables import Lake
from include.settings import settings


def measure_uplift(day: str) -> None:
    """Measure the reservations whose window is complete at the end of `day`.

    A reaction counts as labels do: it happened within the window and had arrived by its end.
    """
    chosen = settings()
    table = "features.user_category_daily"
    contract = lake_tables(load_config(chosen).events.names)[table]

    def reacted(reservation: Reservation) -> set[int]:
        kinds = [f"{kind}_count" for kind in reservation.positive_event_types]
        window = Days(reservation.send_date, reservation.last_day)
        columns = ("user_id", "category", "event_date", *kinds)
        found: set[int] = set()
        for batch in Lake(chosen).batches(contract, window, None, columns):
            frame = batch.to_pandas()
            counts = (
                (frame["category"] == reservation.category)
                & (frame["event_date"] >= reservation.send_date)
                & (frame["event_date"] <= reservation.last_day)
                & (frame[kinds].sum(axis=1) > 0)
            )
            found |= set(frame.loc[counts, "user_id"].tolist())
        return found

    with engine(chosen).begin() as connection:
        leave_out_erased(connection)
        reservations = unmeasured(connection, date.fromisoformat(day))
    measured = 0
    for reservation in reservations:
        window = Days(reservation.send_date, reservation.last_day)
        with engine(chosen).connect() as connection:
            is_complete = committed_days(connection, table, window) == set(window)
        if not is_complete:
            continue
        found = reacted(reservation)
        with engine(chosen).begin() as connection:
            # Again: whoever's reactions were erased before we read them is on the list by now.
            leave_out_erased(connection)
            row = measure(connection, reservation, found)
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
