"""Uplift: cohorts, windows and intervals, against a plain reading of the rules."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.audience.uplift import Send, comparison, fix_cohort, measure, open_sends
from include.database.engine import engine
from include.settings import Settings
from tests.predictions.score_rows import DAY, go, query, scores

SEND_DATE = DAY + timedelta(days=1)
USERS = 40


def test_worked_example() -> None:
    """Newcombe (1998), table II, case (a): 56/70 against 48/80 gives 0.0524 to 0.3339."""
    cohort = [("treatment", n) for n in range(70)] + [("control", 100 + n) for n in range(80)]
    reacted = set(range(56)) | set(range(100, 148))
    row = comparison(cohort, reacted)
    assert row["difference"] == pytest.approx(0.2)
    assert row["difference_low"] == pytest.approx(0.0524, abs=5e-5)
    assert row["difference_high"] == pytest.approx(0.3339, abs=5e-5)
    assert row["number_needed_to_mail"] == pytest.approx(5)


def test_empty_arms_have_no_rates_and_no_interval() -> None:
    row = comparison([("treatment", 1)], {1})
    assert (row["treatment_rate"], row["control_rate"]) == (1.0, None)
    assert row["difference"] is row["difference_low"] is row["number_needed_to_mail"] is None
    assert comparison([], set())["treatment_rate"] is None


@given(
    st.dictionaries(st.integers(0, 60), st.sampled_from(["treatment", "control"])),
    st.sets(st.integers(0, 80)),
)
def test_agrees_with_counting_aloud(arms: dict[int, str], reacted: set[int]) -> None:
    row = comparison([(arm, user) for user, arm in arms.items()], reacted)
    for arm in ("treatment", "control"):
        mine = [user for user, assigned in arms.items() if assigned == arm]
        assert row[f"{arm}_users"] == len(mine)
        assert row[f"{arm}_positives"] == len([user for user in mine if user in reacted])
    if row["difference"] is not None:
        assert -1 <= row["difference_low"] <= row["difference"] + 1e-9
        assert row["difference"] - 1e-9 <= row["difference_high"] <= 1
        harmful = row["difference"] <= 0
        assert (row["number_needed_to_mail"] is None) == harmful


@pytest.fixture
def market(place: Settings) -> Settings:
    """Users 0 to 39, every fourth in control, all consenting but user 36."""
    query(place, "insert into predictions.campaigns values ('cars', 'cars', 'view,contact', 7, "
          "0.25, 14, 'marketing', true), ('coffee', 'x', 'view', 7, 0.25, 14, 'marketing', true) "
          "on conflict (campaign_id) do update set owner_role = 'marketing', horizon_days = 7, "
          "positive_event_types = excluded.positive_event_types, category = excluded.category, "
          "cooldown_days = 14")  # fmt: skip
    for day in (DAY, DAY + timedelta(days=5), DAY + timedelta(days=30)):
        go(place, scores(day, users=USERS, control=4))
    query(place, "insert into pii.contacts select n, null, null, null, n <> 36, :day "
          "from generate_series(0, 39) as n", day=DAY)  # fmt: skip
    return place


def mail(place: Settings, users: list[int], scored: date = DAY) -> Send:
    for user in users:
        query(place, "insert into predictions.campaign_contacts (campaign_id, send_date, user_id, "
              "score_date) values ('cars', :day, :user, :scored)", "marketing",
              day=scored + timedelta(days=1), user=user, scored=scored)  # fmt: skip
    with engine(place).begin() as connection:
        (send,) = [s for s in open_sends(connection, date(2027, 1, 1))
                   if s.send_date == scored + timedelta(days=1)]  # fmt: skip
        fix_cohort(connection, send)
    return send


def cohort(place: Settings, send: Send, arm: str) -> list[int]:
    rows = query(place, "select user_id from analytics.campaign_cohorts where arm = :arm and "
                 "send_date = :day order by 1", "analyst", arm=arm, day=send.send_date)  # fmt: skip
    return [user for (user,) in rows]


def test_control_is_whoever_would_have_been_mailed(market: Settings) -> None:
    """Mailed down to user 31: control is 32, mailed in error; 36 did not consent."""
    send = mail(market, [39, 38, 37, 35, 31, 32])
    assert cohort(market, send, "treatment") == [31, 35, 37, 38, 39]
    assert cohort(market, send, "control") == [32]
    assert send.positive_event_types == ("view", "contact")
    assert send.last_day == SEND_DATE + timedelta(days=6)


def test_control_users_cool_down_as_mailed_ones_do(market: Settings) -> None:
    mail(market, [39, 31])
    second = mail(market, [38, 23], DAY + timedelta(days=5))
    assert cohort(market, second, "control") == [24, 28]  # 32 would have been mailed days ago
    third = mail(market, [37, 23], DAY + timedelta(days=30))
    assert cohort(market, third, "control") == [24, 28, 32]


def test_a_cohort_keeps_its_arms_until_more_records_come_in(market: Settings) -> None:
    mail(market, [39, 31])
    query(market, "update pii.contacts set marketing_consent = false")
    send = mail(market, [])
    assert cohort(market, send, "control") == [32]
    query(market, "update pii.contacts set marketing_consent = true")
    assert cohort(market, mail(market, [30]), "control") == [32, 36]


def test_what_is_measured_is_stored_and_not_open_any_more(market: Settings) -> None:
    send = mail(market, [39, 38, 31])
    with engine(market).begin() as connection:
        measure(connection, send, {39, 32, 7}, send.last_day)
        assert open_sends(connection, date(2027, 1, 1)) == []
    row: list[tuple[Any, ...]] = query(
        market, "select treatment_positives, treatment_users, control_positives, control_users, "
        "measured_through from analytics.campaign_uplift", "analyst",
    )  # fmt: skip
    assert row == [(1, 3, 1, 1, SEND_DATE + timedelta(days=6))]
    assert mail(market, [30]) == send  # new records open it again
