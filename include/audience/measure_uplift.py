"""Measure what mails brought, from the mailing team's records and the lake's events."""

from datetime import date

from include.audience.uplift import Send, fix_cohort, measure, open_sends
from include.config import load_config
from include.contracts import lake_tables
from include.database.engine import engine
from include.days import Days
from include.lake.ledger import committed_days
from include.lake.tables import Lake
from include.settings import settings


def measure_uplift(day: str) -> None:
    """Fix the cohorts of new sends, and measure those whose window is complete at the end of `day`.

    A reaction counts as labels do: it happened within the window and had arrived by its end.
    """
    chosen = settings()
    table = "features.user_category_daily"
    contract = lake_tables(load_config(chosen).events.names)[table]

    def reacted(send: Send) -> set[int]:
        kinds = [f"{kind}_count" for kind in send.positive_event_types]
        window = Days(send.send_date, send.last_day)
        columns = ("user_id", "category", "event_date", *kinds)
        found: set[int] = set()
        for batch in Lake(chosen).batches(contract, window, None, columns):
            frame = batch.to_pandas()
            counts = (
                (frame["category"] == send.category)
                & (frame["event_date"] >= send.send_date)
                & (frame["event_date"] <= send.last_day)
                & (frame[kinds].sum(axis=1) > 0)
            )
            found |= set(frame.loc[counts, "user_id"].tolist())
        return found

    with engine(chosen).begin() as connection:
        sends = open_sends(connection, date.fromisoformat(day))
        for send in sends:
            fix_cohort(connection, send)
    measured = 0
    for send in sends:
        window = Days(send.send_date, send.last_day)
        if send.last_day > date.fromisoformat(day):
            continue
        with engine(chosen).connect() as connection:
            is_complete = committed_days(connection, table, window) == set(window)
        if not is_complete:
            continue
        with engine(chosen).begin() as connection:
            row = measure(connection, send, reacted(send), send.last_day)
        measured += 1
        print(
            f"[uplift] {send.campaign_id} of {send.send_date}: {row['treatment_positives']} of "
            f"{row['treatment_users']} mailed users reacted, {row['control_positives']} of "
            f"{row['control_users']} in control",
            flush=True,
        )
    print(f"[uplift] {len(sends)} sends open, {measured} measured through {day}", flush=True)
