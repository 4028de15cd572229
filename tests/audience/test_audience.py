"""`marketing.campaign_audience`: whom a team may mail, and that reading it is written down."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.database.engine import engine
from include.settings import Settings
from tests.predictions.score_rows import DAY, go, query, scores

SEND = DAY + timedelta(days=1)
USERS = 20
CAMPAIGN = ("insert into predictions.campaigns values (:id, 'x', 'view', 7, 0.1, 14, :owner, true) "
            "on conflict (campaign_id) do update set owner_role = excluded.owner_role")  # fmt: skip


@pytest.fixture
def market(place: Settings) -> Settings:
    return with_contacts(place)


def with_contacts(place: Settings) -> Settings:
    """Users 0 to 19, every third without consent, every fifth in control; two teams."""
    query(place, "do $$ begin if not exists (select from pg_roles where rolname = 'team_cars') "
          "then create role team_cars login; end if; end $$", "admin")  # fmt: skip
    query(place, "grant audience_readers to team_cars", "admin")
    query(place, CAMPAIGN, id="cars", owner="team_cars")
    query(place, CAMPAIGN, id="coffee", owner="marketing")
    go(place, scores(users=USERS, control=5))
    for user in range(USERS):
        query(place, "insert into pii.contacts values (:user, :email, null, 'A. Name', :consent, "
              ":day)", user=user, email=f"u{user}@example.org", consent=user % 3 != 0,
              day=DAY)  # fmt: skip
    return place


def audience(place: Settings, where: str = "true") -> list[tuple[Any, ...]]:
    return query(place, "select campaign_id, user_id, rank, email from marketing.campaign_audience "
                 f"where {where}", "marketing")  # fmt: skip


def mailed(place: Settings, user: int, when: date, campaign: str = "coffee") -> None:
    query(place, "insert into predictions.campaign_contacts (campaign_id, send_date, user_id, "
          "score_date) values (:campaign, :day, :user, :scored)", "marketing", campaign=campaign,
          day=when, user=user, scored=when - timedelta(days=1))  # fmt: skip


ELIGIBLE = [user for user in reversed(range(USERS)) if user % 3 and user % 5]


def test_consenting_treatment_best_first_with_address(market: Settings) -> None:
    assert audience(market) == [
        ("coffee", user, USERS - user, f"u{user}@example.org") for user in ELIGIBLE
    ]


def test_whoever_was_mailed_lately_is_left_out_until_the_cool_down_is_over(
    market: Settings,
) -> None:
    last, first = ELIGIBLE[0], ELIGIBLE[-1]
    mailed(market, last, SEND - timedelta(days=13))
    mailed(market, first, SEND - timedelta(days=14))
    assert [user for _, user, _, _ in audience(market)] == ELIGIBLE[1:]
    (who,) = query(market, "select distinct recorded_by from predictions.campaign_contacts")
    assert who == ("marketing_login",)


def test_a_team_sees_its_own_campaigns_only(market: Settings) -> None:
    with engine(market, "admin").connect() as connection:
        connection.execute(text("set session authorization team_cars"))
        seen = connection.execute(
            text("select distinct campaign_id from marketing.campaign_audience")
        ).all()
        assert [tuple(row) for row in seen] == [("cars",)]
    assert {campaign for campaign, *_ in audience(market)} == {"coffee"}


def test_every_read_is_written_down_even_one_that_finds_nothing(market: Settings) -> None:
    log = "select role_name, effective_role, client from pii.audience_access order by access_id"
    assert query(market, log) == []
    audience(market)
    audience(market, "user_id = -1")
    assert query(market, log) == [("marketing_login", "marketing_login", "local propensity")] * 2


def test_a_read_only_transaction_reads_no_addresses(market: Settings) -> None:
    with engine(market, "marketing").connect() as connection:
        connection.execute(text("set transaction read only"))
        with pytest.raises(DBAPIError, match="read-only transaction"):
            connection.execute(text("select * from marketing.campaign_audience"))


def test_a_read_that_is_rolled_back_leaves_a_gap(market: Settings) -> None:
    audience(market)
    with engine(market, "marketing").connect() as connection:
        connection.execute(text("select * from marketing.campaign_audience"))
        connection.rollback()
    audience(market)
    ids = [number for (number,) in query(market, "select access_id from pii.audience_access "
                                         "order by 1")]  # fmt: skip
    assert ids[1] - ids[0] == 2


def test_a_leaky_condition_sees_no_row_that_the_view_withholds(market: Settings) -> None:
    """Without security_barrier it would be run on the address of user 5, who is in control."""
    with engine(market, "marketing").connect() as connection:
        rows = connection.execute(
            text("select user_id from marketing.campaign_audience "
                 "where 1 / length(replace(email, 'u5@example.org', '')) >= 0")
        ).all()  # fmt: skip
    assert len(rows) == len(ELIGIBLE)


def test_without_a_published_day_there_is_no_audience(place: Settings) -> None:
    assert audience(place) == []
