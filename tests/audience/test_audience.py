"""`marketing.campaign_audience`: who sees whom, and that no address shows before its log row."""

import json
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.database.address import database_url
from include.database.engine import engine
from include.settings import Settings
from tests.audience.market import (
    ELIGIBLE,
    SEND,
    USERS,
    as_login,
    as_person,
    reserve,
    url_of,
    with_contacts,
)
from tests.predictions.score_rows import query

AUDIENCE = "select user_id, email from marketing.campaign_audience where campaign_id = 'coffee'"
ADDRESSES = f"{AUDIENCE} and email is not null"
RESERVE = f"select marketing.reserve_audience('coffee', '{SEND}', 2)"
LOG = "select role_name, effective_role, reservation_id from pii.audience_access order by access_id"


@pytest.fixture
def market(place: Settings) -> Settings:
    return with_contacts(place)


def addressed(*users: int) -> list[tuple[int, str]]:
    return [(user, f"u{user}@example.org") for user in users]


def test_whom_one_may_reserve_best_first_without_an_address(market: Settings) -> None:
    seen = query(market, "select campaign_id, user_id, rank, email, phone, full_name "
                 "from marketing.campaign_audience", "marketing")  # fmt: skip
    assert seen == [("coffee", user, USERS - user, None, None, None) for user in ELIGIBLE]


def test_reserved_users_come_first_with_their_addresses(market: Settings) -> None:
    number = reserve(market, 2)
    seen = query(market, "select user_id, email, full_name, reservation_id, send_date "
                 "from marketing.campaign_audience limit 3", "marketing")  # fmt: skip
    first, second, third = ELIGIBLE[:3]
    assert seen == [
        (first, f"u{first}@example.org", "A. Name", number, SEND),
        (second, f"u{second}@example.org", "A. Name", number, SEND),
        (third, None, None, None, None),
    ]


def test_whoever_withdraws_consent_after_the_reservation_has_no_address(market: Settings) -> None:
    reserve(market, 2)
    query(market, "update pii.contacts set marketing_consent = false where user_id = :user",
          user=ELIGIBLE[0])  # fmt: skip
    assert query(market, ADDRESSES, "marketing") == addressed(ELIGIBLE[1])


def test_without_a_published_day_there_is_no_audience(place: Settings) -> None:
    assert query(place, AUDIENCE, "marketing") == []


def test_without_that_days_contacts_the_audience_is_empty_and_says_why(market: Settings) -> None:
    query(market, "delete from analytics.ingest_accounting where table_name = 'contacts'")
    said: list[str] = []
    with psycopg.connect(database_url(market, "warehouse", role="marketing")) as reader:
        reader.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        assert reader.execute(AUDIENCE).fetchall() == []
        with pytest.raises(psycopg.Error, match="the contacts of 2026-03-10 are not loaded"):
            reader.execute(RESERVE)
    assert [line[:63] for line in said] == [
        "nobody can be reserved: the contacts of 2026-03-10 are not load"
    ]


# Every address that anybody sees was written down, and committed, before.


def test_a_reservation_is_the_log_of_who_saw_addresses(market: Settings) -> None:
    assert query(market, LOG) == []
    number = reserve(market, 2)
    assert query(market, LOG) == [("marketing_login", "marketing_login", number)]
    query(market, ADDRESSES, "marketing")
    assert query(market, LOG) == [("marketing_login", "marketing_login", number)]


def test_the_transaction_that_reserves_sees_no_address(market: Settings) -> None:
    """Rolled back, it would have seen them without a trace."""
    with engine(market, "marketing").connect() as connection:
        for before in ("select 1", "savepoint s", "set local synchronous_commit = off"):
            connection.execute(text(before))
            connection.execute(text(RESERVE))
            assert connection.execute(text(ADDRESSES)).all() == []
            connection.rollback()
            assert connection.execute(text(ADDRESSES)).all() == []
            connection.rollback()
    assert query(market, LOG) == []


def test_no_single_statement_opens_and_reads(market: Settings) -> None:
    """A subquery, a CTE, several statements in one message, a cursor that the commit fills."""
    opening = f"marketing.open_audience({reserve(market, 2)})"
    for attempt in (
        f"select (select {opening}), * from ({ADDRESSES}) as a",
        f"with o as materialized (select {opening}) select * from o, ({ADDRESSES}) as a",
        f"select * from ({ADDRESSES}) as a where {opening} > 0",
        f"declare c cursor for {ADDRESSES}; select {opening}; fetch all c",
        f"select {opening}; {ADDRESSES}",
    ):
        with psycopg.connect(url_of(market, "mia")) as reader:
            cursor = reader.execute(attempt.encode())
            while cursor.nextset():
                pass
            assert cursor.fetchall() == [], attempt
            reader.rollback()
    assert [who for who, *_ in query(market, LOG)] == ["marketing_login"]


def test_a_colleague_is_written_down_before_seeing_addresses(market: Settings) -> None:
    number = reserve(market, 2)
    assert as_person(market, "mia", ADDRESSES) == []
    opening = f"select marketing.open_audience({number})"
    with engine(market, "admin").connect() as connection:
        as_login(connection, "mia")
        connection.commit()
        connection.execute(text(opening))
        assert connection.execute(text(ADDRESSES)).all() == []
        connection.rollback()
        assert connection.execute(text(ADDRESSES)).all() == []
        connection.execute(text("reset session authorization"))
    assert as_person(market, "mia", opening, ADDRESSES) == addressed(*ELIGIBLE[:2])
    assert query(market, LOG)[1:] == [("mia", "mia", number)]
    # She who reads as the team stays who she is.
    assert as_person(market, "mia", "set role marketing", opening) == [(number,)]
    assert query(market, LOG)[2:] == [("mia", "marketing", number)]


def test_an_opening_lasts_a_day(market: Settings) -> None:
    reserve(market, 2)
    query(market, "update pii.audience_access set accessed_at = now() - interval '25 hours'",
          "admin")  # fmt: skip
    assert query(market, ADDRESSES, "marketing") == []


# What a reader can't find out.


def plan_of(place: Settings, query_text: str) -> tuple[dict[str, Any], str]:
    with psycopg.connect(database_url(place, "warehouse", role="marketing")) as reader:
        row = reader.execute(f"explain (analyze, format json) {query_text}").fetchone()  # type: ignore[arg-type]
    assert row
    return row[0][0]["Plan"], json.dumps(row[0])


def test_a_plan_tells_nothing_of_users_that_the_view_withholds(market: Settings) -> None:
    """User 0 is in control without consent, 3 has no consent, 5 is in control."""
    for user in (0, 3, 5, ELIGIBLE[0]):
        plan, words = plan_of(
            market, f"select * from marketing.campaign_audience where user_id = {user}"
        )
        assert (plan["Node Type"], plan["Function Name"]) == ("Function Scan", "read_audience")
        assert "Plans" not in plan
        assert not {"contacts", "campaign_propensity", "arm", "consent"} & set(words.split('"'))
        assert plan["Rows Removed by Filter"] == len(ELIGIBLE) - (user in ELIGIBLE)


def test_estimates_do_not_depend_on_what_addresses_there_are(market: Settings) -> None:
    query(market, "analyze pii.contacts", "admin")
    names = ("A. Name", "Nobody")
    plans = [plan_of(market, "select * from marketing.campaign_audience where full_name = "
                     f"'{name}'")[0] for name in names]  # fmt: skip
    assert plans[0]["Plan Rows"] == plans[1]["Plan Rows"]


def test_debug_output_of_the_queries_inside_stays_inside(market: Settings) -> None:
    said: list[str] = []
    with psycopg.connect(database_url(market, "warehouse", role="marketing")) as reader:
        reader.add_notice_handler(lambda notice: said.append(str(notice.message_detail)))
        reader.execute("set client_min_messages = debug5")
        reader.execute("set debug_print_plan = on")
        reader.execute(AUDIENCE)
        reader.execute(RESERVE)
    assert any("FUNCTIONSCAN" in line for line in said)
    # Of the queries inside, which join tables, no plan comes through.
    assert not [line for line in said if "JOIN" in line or "INDEXSCAN" in line]


def test_a_leaky_condition_sees_no_row_that_the_view_withholds(market: Settings) -> None:
    """Were it run on user 5, who is in control, it would divide by zero."""
    leak = "select user_id from marketing.campaign_audience where 1 / (user_id - 5) < 2"
    assert len(query(market, leak, "marketing")) == len(ELIGIBLE)


# Whose campaigns one sees.

TEAMS = "select distinct campaign_id from marketing.campaign_audience order by 1"


def test_a_reader_sees_the_campaigns_of_the_role_that_reads(market: Settings) -> None:
    for login, acting, campaigns in [
        ("team_cars", "none", ["cars"]),
        ("marketing", "none", ["coffee"]),
        ("mia", "none", ["coffee"]),
        ("tom", "none", ["cars", "coffee"]),
        ("tom", "team_cars", ["cars"]),
        ("zoe", "marketing", ["coffee"]),
    ]:
        seen = as_person(market, login, f"set role {acting}", TEAMS)
        assert [campaign for (campaign,) in seen] == campaigns, (login, acting)


def test_a_team_sees_its_own_campaigns_only(market: Settings) -> None:
    assert as_person(market, "team_cars", TEAMS) == [("cars",)]
    assert query(market, TEAMS, "marketing") == [("coffee",)]


REFUSED = [
    ("mia", "set role team_cars", "permission denied"),
    ("mia", "select set_config('role', 'team_cars', false)", "permission denied"),
    ("zoe", TEAMS, "permission denied"),
    ("team_cars", RESERVE, "team_cars has no active campaign coffee"),
    ("team_cars", "select marketing.open_audience({number})", "has no reservation"),
    ("team_cars", "select marketing.confirm_sends({number})", "has no reservation"),
    ("team_cars", "select marketing.give_back({number})", "has no reservation"),
    ("team_cars", "select marketing.give_back(-1)", "team_cars has no reservation -1"),
    ("marketing", "select marketing.log_access({number})", "permission denied"),
    ("marketing", "select marketing.is_own('team_cars')", "permission denied"),
    ("marketing", "select marketing.own_reservation({number})", "permission denied"),
    ("marketing", "select marketing.lock_campaign('cars')", "permission denied"),
    ("marketing", "select * from marketing.reservation_locks", "permission denied"),
    ("marketing", "lock marketing.reservation_locks", "permission denied"),
    ("marketing", "select control_users from predictions.audience_reservations",
     "permission denied"),
    ("marketing", "select * from analytics.campaign_cohorts", "permission denied"),
    ("marketing", "delete from predictions.audience_reservations", "permission denied"),
    ("marketing", "insert into predictions.campaign_contacts (campaign_id, send_date, "
     "user_id, score_date) values ('coffee', 'infinity', 1, '2026-03-10')",
     "permission denied"),
    ("marketing", "update predictions.campaign_contacts set confirmed_at = now()",
     "permission denied"),
    ("marketing", "alter function marketing.read_audience(text) security invoker",
     "must be owner"),
    ("marketing", "create function marketing.trap() returns int language sql as 'select 1'",
     "permission denied"),
]  # fmt: skip
"""Who tries what, with the number of marketing's reservation, and what Postgres answers."""


def test_what_a_member_of_a_team_is_refused(market: Settings) -> None:
    number = reserve(market, 2)
    wrong = []
    for login, attempt, answer in REFUSED:
        try:
            as_person(market, login, attempt.format(number=number))
            wrong.append(f"{login}: {attempt}: accepted")
        except DBAPIError as error:
            if answer not in str(error.orig):
                wrong.append(f"{login}: {attempt}: {error.orig}")
    assert not wrong


def test_of_another_teams_reservation_nothing_shows(market: Settings) -> None:
    reserve(market, 2)
    for table in ("predictions.campaign_contacts", "predictions.audience_reservations"):
        counted = f"select count(reservation_id) from {table}"
        assert as_person(market, "team_cars", counted) == [(0,)]
        assert as_person(market, "mia", counted) == [(2 if "contacts" in table else 1,)]
