"""Commands of docs/runbook.md for a server of one's own, typed for one that is made for them."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include.embedded.postgres import SYSTEM_USER, psql_path
from tests.acceptance.commands import sql
from tests.acceptance.runbook import typed, types
from tests.database.own_server import PASSWORD, OwnServer, own_server

pytestmark = [pytest.mark.runbook, pytest.mark.usefixtures("after_make_run")]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server(psql_path().parent, SYSTEM_USER) as started:
        yield started


@pytest.fixture
def there(server: OwnServer, tmp_path: Path) -> dict[str, str]:
    """The environment in which commands are for that server."""
    logins = ("PIPELINE", "ANALYST", "MARKETING", "LAKE", "MLFLOW", "AIRFLOW")
    return {
        **os.environ,
        "PROPENSITY_HOME": str(tmp_path),
        "PROPENSITY_POSTGRES_URL": server.url,
        "PROPENSITY_ARM_KEY": "nobody knows it",
        "READER_PASSWORD": "twelve letters",
        **{f"PROPENSITY_{login}_PASSWORD": PASSWORD for login in logins},
    }


def logged_in(
    server: OwnServer, login: str, database: str = "warehouse", password: str = PASSWORD
) -> psycopg.Connection:
    host, port = server.url.rpartition("@")[2].split(":")
    return psycopg.connect(host=host, port=port, dbname=database, user=login, password=password)


@types("export PROPENSITY_POSTGRES_URL=postgresql://boss:…")
def test_settings_name_the_server(command: str, server: OwnServer) -> None:
    filled = command.replace("boss:…@host:5432", server.url.removeprefix("postgresql://"))
    told = typed(
        filled.replace("KEY=…", "KEY=k3y"),
        "bin/python -c 'from include.settings import settings, check_arm_key; "
        "print(settings().postgres_url.get_secret_value(), check_arm_key(settings()))'",
    )
    assert told.split() == [server.url, "k3y"]


@types("bin/python -m include.embedded.databases")
def test_set_up_makes_roles_tables_and_passwords(
    command: str, server: OwnServer, there: dict[str, str]
) -> None:
    typed(command, environment=there)
    with logged_in(server, "pipeline") as connection:
        assert connection.execute("select count(*) from predictions.campaigns").fetchone() == (8,)
    for login, database in (("lake_catalog", "lake"), ("mlflow", "mlflow"), ("airflow", "airflow")):
        logged_in(server, login, database).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        logged_in(server, "pipeline", password="another one")


@types("make reader NAME=ann GROUP=analyst")
def test_a_reader_logs_in(command: str, server: OwnServer, there: dict[str, str]) -> None:
    typed(command, environment=there)
    with logged_in(server, "ann", password="twelve letters") as ann:
        ann.execute("select * from predictions.freshness")
    typed(command, environment={**there, "READER_PASSWORD": "others, as many"})
    logged_in(server, "ann", password="others, as many").close()


@types("alter role ann connection limit 10")
def test_more_connections_stay(command: str, server: OwnServer, there: dict[str, str]) -> None:
    limit = "select rolconnlimit from pg_roles where rolname = 'ann'"
    assert sql(limit, "admin", there) == "5"
    typed(command, environment=there)
    typed("make reader NAME=ann GROUP=analyst", environment=there)
    assert sql(limit, "admin", there) == "10"


@types("select rolname, rolconnlimit from pg_roles")
def test_which_limits_add_up(command: str, server: OwnServer, there: dict[str, str]) -> None:
    assert {"ann|10", "analyst_login|20", "marketing_login|20"} <= set(
        typed(command, environment=there).splitlines()
    )


@types("alter role ann nologin")
def test_a_login_is_taken_away(command: str, server: OwnServer, there: dict[str, str]) -> None:
    typed(command, environment=there)
    with pytest.raises(psycopg.OperationalError, match="is not permitted to log in"):
        logged_in(server, "ann", password="twelve letters")


@types("pg_ctl restart -m immediate")
def test_a_session_that_does_not_end_is_ended(command: str, server: OwnServer) -> None:
    session = logged_in(server, "analyst_login")
    server.shell(command)
    with pytest.raises(psycopg.OperationalError):
        session.execute("select 1")
    session.close()
    logged_in(server, "analyst_login").close()


@types("drop role ann")
def test_a_login_is_gone(command: str, server: OwnServer, there: dict[str, str]) -> None:
    typed(command, environment=there)
    assert sql("select count(*) from pg_roles where rolname = 'ann'", "admin", there) == "0"


@types("grant connect on database postgres to monitoring")
def test_who_watches_the_server_connects(
    command: str, server: OwnServer, there: dict[str, str]
) -> None:
    sql("create role monitoring login password 'watches'", "admin", there)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        logged_in(server, "monitoring", "postgres", "watches")
    typed(command, environment=there)
    logged_in(server, "monitoring", "postgres", "watches").close()
