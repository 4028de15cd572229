"""Every attempt is refused by Postgres itself, in these words; and what stays open is bounded."""

import re

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from include.database.address import database_url
from include.database.engine import engine
from include.database.roles import create_team_roles
from include.settings import Settings
from tests.database.attacks import ANN, EVE, GROUPS, PIPELINE, STRANGER, Attempt
from tests.database.test_roles import with_predictions
from tests.predictions.score_rows import query

PREPARED = """
insert into pii.contacts select n, 'u' || n || '@example.org', null, null, true, '2026-03-10'
from generate_series(1, 9) as n;
insert into analytics.ingest_accounting values ('contacts', '2026-03-10', 9, 9, 0, 0, 0);
insert into predictions.reverts (score_date, reason, reverted_by, reverted_at, is_holding)
  values ('2026-03-09', 'r', 'ann', now(), false);
insert into pii.erasures values (4, 'privacy desk', now(), now(), '{}');
insert into analytics.champions
    (from_date, model_version, training_run, reason, changed_by, changed_at)
  values ('2026-03-01', '1', 'run', 'better', 'rules', now());
insert into analytics.model_decisions values ('run', '2026-03-01', 'xgb', '1', null, 'promoted',
  '{}', 'better', '{}', 'card', 'rules', now());
"""


def login(place: Settings, name: str, database: str = "warehouse") -> psycopg.Connection:
    """Log in; over a network with the password of the server's own user, which all have there."""
    address = conninfo_to_dict(database_url(place, "warehouse", role="admin"))
    return psycopg.connect(**address | {"user": name, "dbname": database}, autocommit=True)


def _password(place: Settings) -> str:
    return str(conninfo_to_dict(database_url(place, "warehouse", role="admin"))["password"])


def with_everything(place: Settings) -> Settings:
    """Something to attack everywhere, and people who do: ann in marketing, eve in another team."""
    with_predictions(place)
    with engine(place, "admin").begin() as connection:
        create_team_roles(connection)
        connection.exec_driver_sql(PREPARED)
        for name, group in ((ANN, "marketing"), (EVE, "other_team"), (STRANGER, "")):
            if not connection.scalar(text("select to_regrole(:name)"), {"name": name}):
                connection.exec_driver_sql(f"create role {name} login")
            if group:
                connection.exec_driver_sql(f"grant {group} to {name}")
            if place.postgres_url.get_secret_value():
                connection.exec_driver_sql(f"alter role {name} password '{_password(place)}'")
    with login(place, ANN) as session:
        session.execute("select marketing.reserve_audience('cars', '2026-03-11', 2)")
    return place


@pytest.fixture
def attacked(place: Settings) -> Settings:
    return with_everything(place)


def tried(place: Settings, attempts: list[Attempt]) -> list[str]:
    """What was not refused, or in other words."""
    number = query(place, "select max(publication_id) from predictions.publications")[0][0]
    wrong = []
    open_ones: dict[tuple[str, str], psycopg.Connection] = {}
    for attempt in attempts:
        said = "accepted"
        key = (attempt.who, attempt.database)
        sql = attempt.sql.replace("{N}", str(number)).replace("{{}}", "{}")
        try:
            if key not in open_ones or open_ones[key].closed:
                open_ones[key] = login(place, *key)
            if sql:
                open_ones[key].execute(sql.encode())
                open_ones[key].rollback()
        except psycopg.Error as error:
            said = str(error)
            if key in open_ones and not open_ones[key].closed:
                open_ones[key].rollback()
        if not re.search(attempt.answer.replace("{N}", str(number)), said):
            what = sql or f"log in to {attempt.database}"
            wrong.append(f"{attempt.who}: {what}: {said.splitlines()[0]}")
    for connection in open_ones.values():
        connection.close()
    return wrong


@pytest.mark.parametrize("group", GROUPS)
def test_refused(attacked: Settings, group: str) -> None:
    assert tried(attacked, GROUPS[group]) == []


def test_what_the_pipeline_may_not_rewrite_its_members_may_not_either(attacked: Settings) -> None:
    """For a second login with its rights, say of another scheduler."""
    query(attacked, "create role pipeline_b login in role pipeline", "admin")
    try:
        history = [
            Attempt("pipeline_b", attempt.sql, attempt.answer)
            for attempt in GROUPS["write history"] if attempt.who == PIPELINE
        ]  # fmt: skip
        assert tried(attacked, history) == []
    finally:
        query(attacked, "drop role pipeline_b", "admin")


def every_attempt_is_refused(attacked: Settings) -> None:
    """All groups at once: for another server than the embedded one."""
    assert [line for attempts in GROUPS.values() for line in tried(attacked, attempts)] == []


def test_there_are_many() -> None:
    attempts = [attempt for group in GROUPS.values() for attempt in group]
    assert len(attempts) == len(set(attempts)) >= 400
