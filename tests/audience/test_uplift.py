"""Uplift: cohorts, windows and intervals, against a plain reading of the rules."""

import threading
import tracemalloc
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.audience.uplift import (
    Reservation,
    comparison,
    leave_out_erased,
    measure,
    unmeasured,
)
from include.audience.warehouse_erasure import begin
from include.database.engine import engine
from include.predictions.publish import Scores
from include.predictions.revert import WITHDRAW, revert
from include.settings import Settings
from tests.audience.market import SEND, cohort, contacts_loaded, reserve
from tests.predictions.score_rows import DAY, go, query, scores

USERS = 40


def test_worked_example() -> None:
    """Newcombe (1998), table II, case (a): 56/70 against 48/80 gives 0.0524 to 0.3339."""
    row = comparison({"treatment": 70, "control": 80}, {"treatment": 56, "control": 48})
    assert row["difference"] == pytest.approx(0.2)
    assert row["difference_low"] == pytest.approx(0.0524, abs=5e-5)
    assert row["difference_high"] == pytest.approx(0.3339, abs=5e-5)
    assert row["number_needed_to_mail"] == pytest.approx(5)


def test_empty_arms_have_no_rates_and_no_interval() -> None:
    row = comparison({"treatment": 1}, {"treatment": 1})
    assert (row["treatment_rate"], row["control_rate"]) == (1.0, None)
    assert row["difference"] is row["difference_low"] is row["number_needed_to_mail"] is None
    assert comparison({}, {})["treatment_rate"] is None


@example(arms={"treatment": (0, 1), "control": (27, 0)})
@given(
    st.fixed_dictionaries(
        {arm: st.tuples(st.integers(0, 30), st.integers(0, 30)) for arm in ("treatment", "control")}
    )
)
def test_agrees_with_counting_aloud(arms: dict[str, tuple[int, int]]) -> None:
    """Of each arm, so many reacted and so many didn't."""
    row = comparison(
        {arm: sum(both) for arm, both in arms.items()},
        {arm: did for arm, (did, _) in arms.items()},
    )
    for arm, (did, didnt) in arms.items():
        assert (row[f"{arm}_users"], row[f"{arm}_positives"]) == (did + didnt, did)
        assert row[f"{arm}_rate"] == (did / (did + didnt) if did + didnt else None)
    if row["difference"] is not None:
        assert -1 <= row["difference_low"] <= row["difference"] + 1e-9
        assert row["difference"] - 1e-9 <= row["difference_high"] <= 1
        harmful = row["difference"] <= 0
        assert (row["number_needed_to_mail"] is None) == harmful


@pytest.fixture
def market(place: Settings) -> Settings:
    """Users 0 to 39, every fourth in control, all but 36 consenting, two in three reachable."""
    query(place, "update predictions.campaigns set owner_role = 'marketing', horizon_days = 7, "
          "cooldown_days = 14, category = 'COFFEE', positive_event_types = 'view,contact' "
          "where campaign_id = 'coffee'")  # fmt: skip
    query(place, "insert into pii.contacts select n, case when n % 3 > 0 then n || '@example.org' "
          "end, null, null, n <> 36, :day from generate_series(0, 39) as n", day=DAY)  # fmt: skip
    for day in (DAY, DAY + timedelta(days=5), DAY + timedelta(days=30)):
        contacts_loaded(place, day)
    go(place, day_of_scores(DAY))
    return place


def day_of_scores(day: date, **changes: Any) -> Scores:
    return scores(day, users=USERS, control=4, campaigns=("cars", "coffee"), **changes)


def arms(place: Settings, number: int) -> tuple[list[int], list[int]]:
    return cohort(place, number, "treatment"), cohort(place, number, "control")


def open_at_the_end(place: Settings) -> list[Reservation]:
    with engine(place).begin() as connection:
        return unmeasured(connection, date(2027, 1, 1))


def test_both_arms_of_the_range_with_an_address_or_without(market: Settings) -> None:
    """The seventh in treatment would be 31: the range ends before, at 32; 36 did not consent."""
    number = reserve(market, 6)
    assert arms(market, number) == ([33, 34, 35, 37, 38, 39], [32])
    assert query(market, "select user_id from marketing.campaign_audience where reservation_id "
                 "= :id and email is null", "marketing", id=number) == [(39,), (33,)]  # fmt: skip
    (reservation,) = open_at_the_end(market)
    assert (reservation.treatment_users, reservation.control_users) == (6, 1)
    assert reservation.positive_event_types == ("view", "contact")
    assert reservation.last_day == SEND + timedelta(days=6)


def test_the_range_of_everybody_has_no_end(market: Settings) -> None:
    treatment, control = arms(market, reserve(market, 99))
    assert len(treatment) == 30
    assert control == [0, 4, 8, 12, 16, 20, 24, 28, 32]


def test_control_users_cool_down_as_reserved_ones_do(market: Settings) -> None:
    """Five days ago 33-39 were mailed, and 32 would have been. Next in treatment: 31, 30, 29."""
    reserve(market, 6)
    go(market, day_of_scores(DAY + timedelta(days=5)))
    second = reserve(market, 3, DAY + timedelta(days=6))
    assert arms(market, second) == ([29, 30, 31], [28])
    go(market, day_of_scores(DAY + timedelta(days=30)))
    third = reserve(market, 6, DAY + timedelta(days=31))
    assert arms(market, third) == ([33, 34, 35, 37, 38, 39], [32])


def test_nothing_that_happens_later_moves_the_cohort(market: Settings) -> None:
    number = reserve(market, 6)
    before = arms(market, number)
    query(market, "update pii.contacts set marketing_consent = not marketing_consent, email = null")
    go(market, day_of_scores(DAY, version="2", shift=0.05))
    query(market, "select marketing.confirm_sends(:id, '{39}')", "marketing", id=number)
    query(market, "select marketing.give_back(:id, '{38}')", "marketing", id=number)
    query(market, "update predictions.campaigns set horizon_days = 1, category = 'TEA', "
          "is_active = false, owner_role = 'nobody'")  # fmt: skip
    revert(engine(market), DAY, WITHDRAW, "wrong prices", "ann")
    query(market, "select 1 from predictions.campaign_propensity")
    (reservation,) = open_at_the_end(market)
    assert (reservation.horizon_days, reservation.category) == (7, "COFFEE")
    with engine(market).begin() as connection:
        row = measure(connection, reservation, {39, 37, 32})
    assert arms(market, number) == before
    assert (row["treatment_positives"], row["treatment_users"]) == (2, 6)
    assert (row["control_positives"], row["control_users"]) == (1, 1)
    assert row["mailed_users"] == 1


def test_what_is_measured_is_measured_once(market: Settings) -> None:
    number = reserve(market, 6)
    (reservation,) = open_at_the_end(market)
    with engine(market).begin() as connection:
        assert unmeasured(connection, reservation.last_day - timedelta(days=1)) == []
        measure(connection, reservation, {39, 32, 7})
    figures = "select treatment_positives, treatment_users, control_positives, control_users, " \
              "measured_through from analytics.campaign_uplift"  # fmt: skip
    expected = [(1, 6, 1, 1, SEND + timedelta(days=6))]
    assert query(market, figures, "analyst") == expected
    # A record that comes after the measurement.
    query(market, "select marketing.confirm_sends(:id)", "marketing", id=number)
    assert open_at_the_end(market) == []
    with pytest.raises(DBAPIError, match="is measured: nothing can be given back"):
        query(market, "select marketing.give_back(:id)", "marketing", id=number)
    assert query(market, figures, "analyst") == expected


def test_given_back_or_measured_but_not_both(market: Settings) -> None:
    number = reserve(market, 6)
    (reservation,) = open_at_the_end(market)
    measured: list[dict[str, Any] | None] = []

    def measure_it() -> None:
        with engine(market).begin() as connection:
            measured.append(measure(connection, reservation, []))

    measuring = threading.Thread(target=measure_it)
    with engine(market, "marketing").begin() as team:
        team.execute(text("select marketing.give_back(:id)"), {"id": number})
        measuring.start()
        measuring.join(1)
        assert measuring.is_alive()
    measuring.join(10)
    assert measured == [None]
    assert query(market, "select count(*) from analytics.campaign_uplift") == [(0,)]


def test_without_a_mail_there_is_nothing_to_measure(market: Settings) -> None:
    number = reserve(market, 6)
    query(market, "select marketing.give_back(:id)", "marketing", id=number)
    assert open_at_the_end(market) == []


def test_erased_users_leave_both_counts_and_are_counted_as_such(market: Settings) -> None:
    """39 in treatment, 32 in control, though they were erased before the reservation committed."""
    reserve(market, 6)
    (reservation,) = open_at_the_end(market)
    with engine(market).begin() as connection:
        for user in (39, 32):
            begin(connection, user, "#123")
        assert leave_out_erased(connection) == 3
        row = measure(connection, reservation, {39, 38})
    assert (row["treatment_positives"], row["treatment_users"]) == (1, 5)
    assert (row["control_positives"], row["control_users"]) == (0, 0)
    assert (row["treatment_erased"], row["control_erased"]) == (1, 1)
    assert row["difference"] is None


def test_who_reacted_is_streamed(market: Settings) -> None:
    """Many reactions, most of them of others and the rest told often, are never held here."""
    reserve(market, 6)
    (reservation,) = open_at_the_end(market)
    tracemalloc.start()
    try:
        with engine(market).begin() as connection:
            row = measure(connection, reservation, (39 + n % 100_000 for n in range(200_000)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (row["treatment_positives"], row["treatment_users"]) == (1, 6)
    assert peak_bytes < 4 * 2**20, "200,000 integers in a set take 20 MiB"
