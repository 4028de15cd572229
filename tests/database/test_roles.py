"""Who there is, who gets in where, and within which limits; test_attacks.py has what is refused."""

import pytest

from include.settings import Settings
from tests.predictions.score_rows import go, query, scores


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


def test_readers_of_the_warehouse_get_into_no_other_database(place: Settings) -> None:
    def may_connect(who: str, database: str) -> bool:
        sql = "select has_database_privilege(:who, :database, 'connect')"
        return bool(query(place, sql, who=who, database=database)[0][0])

    others = {"airflow": "airflow", "lake_catalog": "lake", "mlflow": "mlflow"}
    for who in ("pipeline", "analyst_login", "marketing_login", *others):
        own = others.get(who, "warehouse")
        every = ("airflow", "lake", "mlflow", "warehouse", "postgres", "template1")
        assert [name for name in every if may_connect(who, name)] == [own]


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
    assert set_passwords(given, database_url(place, "warehouse", role="admin")) == ["analyst_login"]
    stored = (
        "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'analyst_login'"
    )
    assert query(place, stored, "admin") == [(True,)]
    query(place, "alter role analyst_login password null", "admin")
