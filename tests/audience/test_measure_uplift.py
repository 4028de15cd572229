"""Uplift from the mailing team's records and the lake's events."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from include.audience.measure_uplift import measure_uplift
from include.config import load_config
from include.contracts import lake_tables
from include.lake.tables import Lake
from include.settings import Settings
from tests.audience.market import contacts_loaded, reserve
from tests.predictions.score_rows import DAY, go, query, scores

TABLE = "features.user_category_daily"
SEND = DAY + timedelta(days=1)
LAST = SEND + timedelta(days=6)  # coffee: seven days, from the day of the mail


def day(number: int) -> date:
    """The `number`-th day from the mail's, from 0."""
    return SEND + timedelta(days=number)


def activity(user: int, happened: date, arrived: date, **change: Any) -> dict[str, Any]:
    return {"user_id": user, "category": "COFFEE", "event_date": happened, "purchase_count": 1,
            "campaign_contact_count": 0, "coupon_redemption_count": 0, "value_sum": 1.0,
            "last_occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
            "ingest_date": arrived} | change  # fmt: skip


def test_reactions_count_within_the_window_and_as_known_at_its_end(place: Settings) -> None:
    go(place, scores(users=40, control=4, campaigns=("coffee",), holdout_shares={"coffee": 0.25}))
    query(place, "insert into pii.contacts select n, null, null, null, true, :day "
          "from generate_series(0, 39) as n", day=DAY)  # fmt: skip
    contacts_loaded(place, DAY)
    reserve(place, 7)  # 39, 38, 37, 35, 34, 33, 31; 36 and 32 are in control
    contract = lake_tables(load_config(place).events.names)[TABLE]
    rows = [
        activity(39, day(0), day(0)),
        activity(38, day(6), day(6)),
        activity(37, day(-1), day(0)),  # before the mail
        activity(35, day(7), day(7)),  # after the window
        activity(34, day(6), day(7)),  # not known at its end
        activity(33, day(2), day(2), purchase_count=0, campaign_contact_count=1),  # no reaction
        activity(31, day(2), day(2), category="TEA"),
        activity(36, day(3), day(3)),  # control
    ]
    lake = Lake(place)
    lake.create(contract)
    lake.table(contract).append(pa.Table.from_pylist(rows, contract.arrow_schema()))
    figures = ("select treatment_positives, treatment_users, control_positives, control_users, "
               "measured_through from analytics.campaign_uplift")  # fmt: skip

    measure_uplift(f"{LAST}")  # the lake has no such days yet
    assert query(place, figures, "analyst") == []
    for number in range(7):
        query(place, "insert into analytics.lake_partitions values (:table, :day, 1, 1, 'a', 'c', "
              "'{}', now())", table=TABLE, day=day(number))  # fmt: skip
    measure_uplift(f"{day(5)}")  # the window isn't over
    assert query(place, figures, "analyst") == []
    for _ in range(2):
        measure_uplift(f"{LAST}")
        assert query(place, figures, "analyst") == [(2, 7, 1, 2, LAST)]
