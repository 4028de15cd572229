"""A small market to reserve in: teams, people in them, users with and without consent."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from include.database.address import database_url
from include.database.engine import engine
from include.settings import Settings
from tests.predictions.score_rows import DAY, go, query, scores

SEND = DAY + timedelta(days=1)
USERS = 20
CAMPAIGN = ("insert into predictions.campaigns values (:id, 'x', 'view', 7, 0.1, 14, :owner, true) "
            "on conflict (campaign_id) do update set owner_role = excluded.owner_role, "
            "category = 'x', positive_event_types = 'view', horizon_days = 7, cooldown_days = 14, "
            "is_active = true")  # fmt: skip
ROLES = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'team_cars') then
    create role team_cars login; create role mia login; create role tom login;
    create role zoe login noinherit;
  end if;
end $$;
grant audience_readers to team_cars;
grant marketing to mia;
grant marketing, team_cars to tom, zoe;
"""
ELIGIBLE = [user for user in reversed(range(USERS)) if user % 3 and user % 5]
"""Of `with_contacts`, best first."""


def with_contacts(place: Settings) -> Settings:
    """Users 0 to 19, every third without consent, every fifth in control; two teams.

    mia is in marketing, tom in both teams, zoe in both without inheriting what they may.
    """
    query(place, ROLES, "admin")
    query(place, CAMPAIGN, id="cars", owner="team_cars")
    query(place, CAMPAIGN, id="coffee", owner="marketing")
    go(place, scores(users=USERS, control=5))
    for user in range(USERS):
        query(place, "insert into pii.contacts values (:user, :email, null, 'A. Name', :consent, "
              ":day)", user=user, email=f"u{user}@example.org", consent=user % 3 != 0,
              day=DAY)  # fmt: skip
    contacts_loaded(place, DAY)
    return place


def url_of(place: Settings, login: str) -> str:
    """The warehouse for a login of somebody's own, on the embedded server."""
    return database_url(place, "warehouse", role="marketing").replace("marketing_login", login, 1)


def contacts_loaded(place: Settings, *days: date) -> None:
    """The books say that the contacts of these days are loaded."""
    for day in days:
        query(place, "insert into analytics.ingest_accounting (table_name, ingest_date, landed, "
              "accepted, rejected, duplicate, erased) values ('contacts', :day, 0, 0, 0, 0, 0)",
              day=day)  # fmt: skip


def reserve(place: Settings, how_many: int, when: date = SEND, campaign: str = "coffee") -> int:
    """Reserve as the marketing team, committed; returns the reservation."""
    ((number,),) = query(place, "select marketing.reserve_audience(:campaign, :day, :users)",
                         "marketing", campaign=campaign, day=when, users=how_many)  # fmt: skip
    return int(number)


def reserved(place: Settings, reservation: int) -> list[int]:
    """Users of a reservation, best first."""
    return [user for (user,) in query(
        place, "select user_id from predictions.campaign_contacts where reservation_id = :id "
        "order by rank", id=reservation)]  # fmt: skip


def cohort(place: Settings, reservation: int, arm: str) -> list[int]:
    """Users of a frozen cohort's arm."""
    return [user for (user,) in query(
        place, "select user_id from analytics.campaign_cohorts where reservation_id = :id "
        "and arm = :arm order by 1", "analyst", id=reservation, arm=arm)]  # fmt: skip


def as_login(connection: Connection, login: str) -> None:
    """Go on as if that login had connected; needs a connection of the administrator's."""
    connection.execute(text(f"set session authorization {login}"))


def as_person(place: Settings, login: str, *statements: str) -> list[tuple[Any, ...]]:
    """What the last of some statements says to a person, each in a transaction of its own."""
    rows: list[tuple[Any, ...]] = []
    with engine(place, "admin").connect() as connection:
        as_login(connection, login)
        connection.commit()
        try:
            for statement in statements:
                result = connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
                connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("reset role"))
            connection.execute(text("reset session authorization"))
            connection.commit()
    return rows
