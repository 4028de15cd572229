"""Whose each database is, what a training pod can open, who reaches the embedded server."""

import contextlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from include.database.address import database_url
from include.database.server import prepare, still_open
from include.embedded.__main__ import psql_environment
from include.embedded.postgres import psql_path, start_postgres, stop_postgres
from include.errors import SettingsError
from include.settings import Settings, check_arm_key, load_settings
from tests.database.test_attacks import login
from tests.predictions.score_rows import query

URL = "postgresql://boss:tell-nobody@db:5432"
POD = {"PROPENSITY_POSTGRES_URL": "postgresql://db:5432", "PROPENSITY_LAKE_PASSWORD": "lake-pw",
       "PROPENSITY_MLFLOW_TRACKING_URI": "http://mlflow:5000"}  # fmt: skip


def test_nothing_is_left_open(place: Settings) -> None:
    assert still_open(place) == ""


def test_where_the_user_is_no_superuser_one_line_says_what_stays_open(
    place: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a managed server; the grants to the public are put back for the test."""
    query(place, "grant execute on function pg_notify(text, text) to public", "admin")
    query(place, "grant connect on database postgres to public", "admin")
    from include.database import server

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server.definitions, "run", lambda *_: None)
            prepare(place)
    finally:
        prepare(place)
    assert [record.message for record in caplog.records] == [
        "only a superuser can take away what every role of this server may do: call 1 functions "
        "(advisory locks, large objects, pg_notify, pg_logical_emit_message); connect to postgres. "
        "Whoever reads predictions could stop set-up or pass data on by it (docs/runbook.md)"
    ]
    assert still_open(place) == ""


def test_an_owner_who_comes_in_on_a_reserved_connection_is_an_owner(place: Settings) -> None:
    """The server takes such a one for no pg_database_owner, for as long as the connection lasts."""
    url = database_url(place, "lake")
    ((limit,),) = query(place, "select current_setting('max_connections')::int - "
                        "current_setting('reserved_connections')::int", "admin")  # fmt: skip
    with contextlib.ExitStack() as held:
        for _ in range(limit):
            last = held.enter_context(psycopg.connect(url))
        last.execute("create table public.made_in_reserve (n int)")
        last.rollback()


def test_each_of_the_other_databases_is_its_own_logins(place: Settings) -> None:
    owners = ("select datname, pg_get_userbyid(datdba) from pg_database where datname in "
              "('airflow', 'lake', 'mlflow') order by 1")  # fmt: skip
    assert query(place, owners) == [
        ("airflow", "airflow"), ("lake", "lake_catalog"), ("mlflow", "mlflow")
    ]  # fmt: skip
    strong = ("select count(*) from pg_roles where rolname in ('airflow', 'lake_catalog', "
              "'mlflow', 'pipeline') and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls "
              "or pg_has_role(oid, 'pg_read_all_data', 'member'))")  # fmt: skip
    assert query(place, strong) == [(0,)]


def test_what_an_earlier_version_made_as_superuser_is_handed_over(place: Settings) -> None:
    admin = create_engine(database_url(place, "mlflow", "psycopg", "admin"))
    with admin.begin() as connection:
        connection.exec_driver_sql(
            "create type old_kind as enum ('a'); create view old_view as select 1 as a; "
            "create table old_runs (id serial primary key, kind old_kind); "
            "create function old_function() returns int language sql as 'select 1'"
        )
    prepare(place)
    with login(place, "mlflow", "mlflow") as connection:
        connection.execute("alter table old_runs add column more int")
        connection.execute("insert into old_runs (kind) values ('a')")
        connection.execute("drop table old_runs; drop type old_kind; drop view old_view; "
                           "drop function old_function()")  # fmt: skip
    admin.dispose()


def test_airflow_may_lock_in_its_own_database(place: Settings) -> None:
    """Its schedulers keep apart by advisory locks."""
    with login(place, "airflow", "airflow") as connection:
        connection.execute("select pg_try_advisory_xact_lock(1), pg_advisory_lock(1)")


def test_a_training_pod_holds_no_password_that_opens_pii() -> None:
    pod = load_settings(POD)
    assert database_url(pod, "lake") == "postgresql://lake_catalog:lake-pw@db:5432/lake"
    for role in ("pipeline", "analyst", "marketing"):
        with pytest.raises(SettingsError, match=f"PROPENSITY_{role.upper()}_PASSWORD isn't set"):
            database_url(pod, "warehouse", role=role)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="PROPENSITY_POSTGRES_URL names no user"):
        database_url(pod, "warehouse", role="admin")
    with pytest.raises(SettingsError, match="PROPENSITY_AIRFLOW_PASSWORD isn't set"):
        database_url(pod, "airflow")


def test_the_example_of_the_pods_secret_names_no_more_than_that() -> None:
    text = (Path(__file__).parents[2] / "include/config/kubernetes.yaml").read_text()
    handed = [word for word in text.replace("\\", " ").split() if "--from-literal" in word]
    names = {word.split("=")[1] for word in handed}
    assert names == set(POD)


def test_secrets_show_in_no_repr_and_no_error() -> None:
    chosen = load_settings({"PROPENSITY_POSTGRES_URL": URL, "PROPENSITY_ARM_KEY": "who-is-control"})
    assert "tell-nobody" not in f"{chosen!r} {chosen}"
    assert "who-is-control" not in f"{chosen!r} {chosen}"
    assert database_url(chosen, "warehouse", role="admin") == f"{URL}/warehouse"


def test_the_key_that_everybody_can_read_is_refused_on_a_server_of_ones_own() -> None:
    assert check_arm_key(load_settings({})) == "embedded-default-key"
    for environ in ({}, {"PROPENSITY_ARM_KEY": ""}, {"PROPENSITY_ARM_KEY": "embedded-default-key"}):
        with pytest.raises(SettingsError, match="PROPENSITY_ARM_KEY isn't set"):
            check_arm_key(load_settings({"PROPENSITY_POSTGRES_URL": URL} | environ))
    mine = {"PROPENSITY_POSTGRES_URL": URL, "PROPENSITY_ARM_KEY": "mine"}
    assert check_arm_key(load_settings(mine)) == "mine"


def test_make_sql_shows_no_password_in_its_arguments(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.embedded import __main__ as commands

    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, argv, env: started.append((argv, env)))
    monkeypatch.setattr(
        commands, "database_url", lambda *_, **__: "postgresql://me:s%40cret@db:5433/warehouse"
    )
    commands.main(["sql", "select 1", "pipeline"])
    ((argv, environment),) = started
    assert "cret" not in " ".join(argv)
    assert environment["PGPASSWORD"] == "s@cret"
    assert (environment["PGUSER"], environment["PGHOST"], environment["PGPORT"],
            environment["PGDATABASE"]) == ("me", "db", "5433", "warehouse")  # fmt: skip


def test_psql_finds_the_embedded_server_by_these_variables(place: Settings) -> None:
    environment = psql_environment(database_url(place, "warehouse", role="analyst"))
    said = subprocess.run([psql_path(), "-X", "-At", "-c", "select current_user"], check=True,
                          env=os.environ | environment, capture_output=True, text=True)  # fmt: skip
    assert said.stdout == "analyst_login\n"


@pytest.mark.parametrize("depth", [0, 5])
def test_nobody_else_reaches_the_embedded_server_however_long_its_path(depth: int) -> None:
    home = top = Path(tempfile.mkdtemp(prefix="propensity-", dir="/var/tmp"))
    top.chmod(0o755)
    for _ in range(depth):
        home = home / uuid.uuid4().hex
    home.mkdir(exist_ok=True, parents=True)
    chosen = load_settings({"PROPENSITY_HOME": str(home)})
    start_postgres(chosen)
    try:
        said = json.loads((home / "postgres.json").read_text(encoding="utf-8"))
        folder = Path(said["socket_dir"])
        assert (folder == home / "postgres") == (depth == 0)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with psycopg.connect(database_url(chosen, "warehouse", role="admin")) as connection:
            rules = connection.execute("select type, auth_method from pg_hba_file_rules").fetchall()
        assert rules == [("local", "peer")]
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            # Even where the folder let them in, their user id isn't ours.
            for mode, answer in ((0o700, "Permission denied"), (0o777, "authentication failed")):
                folder.chmod(mode)
                (socket,) = folder.glob(".s.PGSQL.*[0-9]")
                socket.chmod(mode)
                tried = subprocess.run(
                    [psql_path(), "-X", "-h", folder, "-U", "postgres", "-c", "select 1"],
                    user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd="/",
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                assert tried.returncode
                assert answer in tried.stderr, tried.stderr
            folder.chmod(0o700)
    finally:
        stop_postgres(chosen)
        if depth:
            assert not folder.exists()
        shutil.rmtree(top)


def test_two_commands_at_once_start_one_server() -> None:
    home = Path(tempfile.mkdtemp(prefix="propensity-", dir="/var/tmp"))
    home.chmod(0o755)
    code = ("from include.embedded.postgres import start_postgres; from include.settings import "
            "settings; print(start_postgres(settings()))")  # fmt: skip
    try:
        both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                                 cwd=Path(__file__).parents[2],
                                 env=os.environ | {"PROPENSITY_HOME": str(home)})
                for _ in range(2)]  # fmt: skip
        assert sorted(one.communicate()[0] for one in both) == ["False\n", "True\n"]
    finally:
        stop_postgres(load_settings({"PROPENSITY_HOME": str(home)}))
        shutil.rmtree(home)


def test_a_role_that_may_too_much_stops_set_up_with_a_sentence(place: Settings) -> None:
    query(place, "alter role airflow createdb", "admin")
    try:
        with pytest.raises(SettingsError, match="the role airflow may do more than it should"):
            prepare(place)
    finally:
        query(place, "alter role airflow nocreatedb", "admin")
    with create_engine(database_url(place, "airflow", "psycopg")).connect() as connection:
        assert connection.scalar(text("select current_user")) == "airflow"
