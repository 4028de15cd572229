"""What each role may not do, refused by Postgres itself; and the little that it may."""

import re

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.database.address import Role
from include.database.engine import engine
from include.settings import Settings
from tests.predictions.score_rows import go, query, scores

# Postgres 15 says some of it in other words.
DENIED = "permission denied|must be superuser (or|to)|must have admin option"
OWNER = "must be owner"

FORBIDDEN: dict[Role, list[tuple[str, str]]] = {
    "analyst": [
        ("select * from pii.contacts", DENIED),
        ("select * from pii.audience_access", DENIED),
        ("select * from pii.erasures", DENIED),
        ("select marketing.read_audience()", DENIED),
        ("select marketing.reserve_audience('cars', '2026-03-11', 1)", DENIED),
        ("select marketing.open_audience(1)", DENIED),
        ("select * from marketing.campaign_audience", DENIED),
        ("insert into predictions.campaign_propensity select * from "
         "predictions.campaign_propensity", DENIED),
        ("update predictions.campaign_propensity set score = 1", DENIED),
        ("delete from predictions.publications", DENIED),
        ("truncate predictions.campaign_propensity", DENIED),
        ("drop table predictions.campaign_propensity", OWNER),
        ("select * from predictions.publication_1", DENIED),
        ("alter table predictions.campaign_propensity disable row level security", OWNER),
        ("create table predictions.mine (a int)", DENIED),
        ("create table public.mine (a int)", DENIED),
        ("create view predictions.leak as select 1", DENIED),
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date) "
         "values ('cars', '2026-03-11', 1, '2026-03-10')", DENIED),
        ("update analytics.quality_results set success = true", DENIED),
        ("set role pipeline", DENIED),
        ("set role audience_owner", DENIED),
        ("create role mine", DENIED),
        ("grant pipeline to analyst", DENIED),
        ("copy (select 1) to program 'cat'", DENIED),
        ("select pg_read_file('/etc/passwd')", DENIED),
    ],
    "marketing": [
        ("select * from pii.contacts", DENIED),
        ("select * from pii.audience_access", DENIED),
        ("delete from pii.audience_access", DENIED),
        ("select marketing.log_access(1)", DENIED),
        ("select * from predictions.campaign_propensity", DENIED),
        ("select * from predictions.latest_campaign_propensity", DENIED),
        ("select * from predictions.publications", DENIED),
        ("select * from predictions.publication_1", DENIED),
        ("select * from analytics.quality_results", DENIED),
        ("select * from analytics.campaign_cohorts", DENIED),
        ("update predictions.campaign_contacts set user_id = 1", DENIED),
        ("delete from predictions.campaign_contacts", DENIED),
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date) "
         "values ('cars', '2026-03-11', 1, '2026-03-10')", DENIED),
        ("insert into predictions.audience_reservations (campaign_id) values ('cars')", DENIED),
        ("select marketing.reserve_audience('coffee', '2026-03-11', 1)", "no active campaign"),
        ("insert into marketing.campaign_audience (user_id) values (1)", "cannot insert into"),
        ("create or replace view marketing.campaign_audience as select 1", DENIED),
        ("alter view marketing.campaign_audience set (security_invoker)", OWNER),
        ("drop view marketing.campaign_audience", OWNER),
        ("create temporary table copied as select 1 as a", DENIED),
        ("create table marketing.copied as select 1 as a", DENIED),
        ("set role pipeline", DENIED),
        ("set role audience_owner", DENIED),
        ("update predictions.campaigns set owner_role = 'marketing'", DENIED),
    ],
    "pipeline": [
        ("delete from pii.audience_access", DENIED),
        ("update pii.audience_access set role_name = 'nobody'", DENIED),
        ("insert into pii.audience_access (accessed_at, role_name, effective_role, client) "
         "values (now(), 'a', 'a', 'a')", DENIED),
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date) "
         "values ('cars', '2026-03-11', 1, '2026-03-10')", DENIED),
        ("update predictions.campaign_contacts set given_back_at = now()", DENIED),
        ("update analytics.campaign_cohorts set arm = 'control'", DENIED),
        ("insert into analytics.campaign_cohorts (arm) values ('control')", DENIED),
        ("delete from predictions.audience_reservations", DENIED),
        ("update predictions.audience_reservations set reserved_by = 'nobody'", DENIED),
        ("drop table pii.contacts", OWNER),
        ("drop view marketing.campaign_audience", DENIED),
        ("select * from marketing.campaign_audience", DENIED),
        ("create role mine", DENIED),
        ("alter role analyst superuser", DENIED),
        ("create table public.mine (a int)", DENIED),
        ("copy (select 1) to program 'cat'", DENIED),
    ],
}  # fmt: skip
ATTEMPTS = [(role, sql, why) for role, tries in FORBIDDEN.items() for sql, why in tries]


@pytest.fixture
def published(place: Settings) -> Settings:
    return with_predictions(place)


def with_predictions(place: Settings) -> Settings:
    """One published day; the campaign coffee belongs to another team."""
    go(place, scores(campaigns=("cars", "coffee")))
    query(place, "insert into predictions.campaigns values ('cars', 'cars', 'view', 7, 0.1, 14, "
          "'marketing', true), ('coffee2', 'coffee', 'view', 7, 0.1, 14, 'other_team', true)"
          "on conflict do nothing")  # fmt: skip
    query(place, "update predictions.campaigns set owner_role = 'other_team' "
          "where campaign_id = 'coffee'")  # fmt: skip
    return place


def test_each_attempt_is_refused_by_postgres(published: Settings) -> None:
    accepted = []
    number = query(published, "select max(publication_id) from predictions.publications")[0][0]
    for role, sql, why in ATTEMPTS:
        attempt = sql.replace("publication_1", f"publication_{number}")
        with engine(published, role).connect() as connection:
            try:
                connection.execute(text(attempt))
                accepted.append(f"{role}: {attempt}")
            except DBAPIError as error:
                if not re.search(why, str(error.orig)):
                    accepted.append(f"{role}: {attempt}: for another reason: {error.orig}")
    assert not accepted


def test_readers_of_the_warehouse_get_into_no_other_database(place: Settings) -> None:
    def may_connect(who: str, database: str) -> bool:
        sql = "select has_database_privilege(:who, :database, 'connect')"
        return bool(query(place, sql, who=who, database=database)[0][0])

    for who in ("pipeline", "analyst", "marketing"):
        assert may_connect(who, "warehouse")
        assert not [name for name in ("airflow", "lake", "mlflow") if may_connect(who, name)]


def test_nobody_else_gets_in(place: Settings) -> None:
    query(place, "do $$ begin if not exists (select from pg_roles where rolname = 'stranger') "
          "then create role stranger login; end if; end $$", "admin")  # fmt: skip
    for schema in ("predictions", "analytics", "marketing", "pii", "public"):
        assert query(
            place, "select has_schema_privilege('stranger', :schema, 'usage')", schema=schema
        ) == [(False,)]
    privileges = "has_database_privilege('stranger', current_database(), 'connect, temporary')"
    assert query(place, f"select {privileges}") == [(False,)]


def test_analysts_read_all_of_predictions_and_analytics(published: Settings) -> None:
    tables = query(
        published,
        "select format('%I.%I', schemaname, name) from (select schemaname, tablename as name "
        "from pg_tables union select schemaname, viewname from pg_views) as every "
        "where schemaname in ('predictions', 'analytics') and name !~ '^publication_'",
    )
    assert len(tables) > 12
    for (name,) in tables:
        query(published, f"select * from {name} limit 1", "analyst")


def test_a_long_forgotten_transaction_is_ended(place: Settings) -> None:
    for role in ("analyst", "marketing"):
        assert query(place, "show idle_in_transaction_session_timeout", role) == [("10min",)]


def test_passwords_reach_the_server_as_hashes(place: Settings) -> None:
    from pydantic import SecretStr

    from include.database.address import database_url
    from include.database.roles import set_passwords

    given = place.model_copy(update={"analyst_password": SecretStr("correct horse")})
    assert "correct horse" not in repr(given)
    assert set_passwords(given, database_url(place, "warehouse", role="admin")) == ["analyst"]
    stored = "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'analyst'"
    assert query(place, stored, "admin") == [(True,)]
    query(place, "alter role analyst password null", "admin")
