"""Logins of people: one command, limits that hold, and never so many that the pipeline waits."""

from collections.abc import Iterator

import psycopg
import pytest

from include.database.engine import engine
from include.database.readers import ask_password, make_reader
from include.database.roles import create_team_roles
from include.database.server import prepare
from include.embedded.__main__ import main
from include.errors import ConfigError, PipelineError
from include.settings import Settings
from tests.database.test_attacks import login
from tests.predictions.score_rows import query

NAME = "reader_bo"


@pytest.fixture
def clean(place: Settings) -> Iterator[Settings]:
    yield place
    query(place, f"drop role if exists {NAME}", "admin")


def test_a_reader_has_a_login_a_group_and_limits(clean: Settings) -> None:
    assert make_reader(clean, NAME, "analyst", "correct horse battery") == (
        f"{NAME} can log in to the database warehouse as a member of analyst"
    )
    with login(clean, NAME) as connection:
        connection.execute("select from predictions.latest_campaign_propensity limit 1")
        limits = {
            name: connection.execute(f"show {name}").fetchall()[0][0]
            for name in ("statement_timeout", "idle_in_transaction_session_timeout",
                         "idle_session_timeout", "transaction_timeout", "temp_file_limit")
        }  # fmt: skip
    assert list(limits.values()) == ["1h", "10min", "8h", "2h", "10GB"]
    stored = ("select rolconnlimit, rolpassword like 'SCRAM-SHA-256$%' from pg_authid "
              "where rolname = :name")  # fmt: skip
    assert query(clean, stored, "admin", name=NAME) == [(5, True)]


def test_what_a_reader_did_to_their_own_limits_is_undone_by_set_up(clean: Settings) -> None:
    make_reader(clean, NAME, "analyst", "")
    with login(clean, NAME) as connection:
        connection.execute(f"alter role {NAME} set statement_timeout = 0")
    prepare(clean)
    with login(clean, NAME) as connection:
        assert connection.execute("show statement_timeout").fetchall() == [("1h",)]


def test_what_one_user_of_a_shared_login_did_to_all_is_undone_by_set_up(place: Settings) -> None:
    query(place, "alter role analyst_login set row_security = off", "analyst")
    query(place, "alter role marketing_login in database warehouse set "
          "default_transaction_isolation = 'repeatable read'", "marketing")  # fmt: skip
    prepare(place)
    with login(place, "analyst_login") as connection:
        assert connection.execute("show row_security").fetchall() == [("on",)]
        assert connection.execute("show statement_timeout").fetchall() == [("1h",)]
    with login(place, "marketing_login") as connection:
        assert connection.execute("show transaction_isolation").fetchall() == [("read committed",)]


def test_a_sixth_connection_of_one_reader_is_refused(clean: Settings) -> None:
    make_reader(clean, NAME, "marketing", "")
    held = [login(clean, NAME) for _ in range(5)]
    with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
        login(clean, NAME)
    for connection in held:
        connection.close()


def test_a_hundred_connections_of_readers_leave_room_for_the_pipeline(clean: Settings) -> None:
    make_reader(clean, NAME, "analyst", "")
    query(clean, f"alter role {NAME} connection limit 1000", "admin")
    held: list[psycopg.Connection] = []
    refused = ""
    while len(held) < 100 and not refused:
        try:
            held.append(login(clean, NAME))
        except psycopg.OperationalError as error:
            refused = str(error)
    assert "remaining connection slots are reserved" in refused
    assert len(held) < 60
    for service in ["pipeline"] * 10 + ["airflow", "lake_catalog", "mlflow"] * 5:
        database = {"pipeline": "warehouse", "lake_catalog": "lake"}.get(service, service)
        held.append(login(clean, service, database))
    for connection in held:
        connection.close()


def test_who_reads_scores_reads_no_addresses(clean: Settings) -> None:
    make_reader(clean, NAME, "marketing", "")
    with pytest.raises(PipelineError, match="who reads scores reads no addresses"):
        make_reader(clean, NAME, "analyst", "")
    assert make_reader(clean, NAME, "marketing", "") == (
        f"{NAME} was there already and is a member of marketing"
    )


@pytest.mark.parametrize(
    ("name", "group", "sentence"),
    [
        ("Ann; drop", "analyst", "can't be the name of a login"),
        ("pipeline", "analyst", "can't be the name of a login"),
        ("pg_monitor", "analyst", "can't be the name of a login"),
        ("postgres", "analyst", "can't be the name of a login"),
        ("marketing", "analyst", "can't be the name of a login"),
        (NAME, "pipeline", "isn't a group of readers: analyst, marketing are"),
        (NAME, "audience_owner", "isn't a group of readers"),
    ],
)
def test_names_that_are_no_readers_are_refused(
    clean: Settings, name: str, group: str, sentence: str
) -> None:
    with pytest.raises(PipelineError, match=sentence):
        make_reader(clean, name, group, "")


def test_the_password_comes_from_the_environment_or_a_prompt(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask_password(place, NAME) == ""  # no network there
    monkeypatch.setenv("READER_PASSWORD", "short")
    assert ask_password(place, NAME) == "short"
    with pytest.raises(SystemExit, match="usage: "):
        main(["reader", NAME, "analyst", "a password as an argument"])


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ("analyst", "a role of the pipeline's own"),
        ("pipeline", "a role of the pipeline's own"),
        ("audience_owner", "a role of the pipeline's own"),
        ("audience_readers", "a role of the pipeline's own"),
        ("analyst_login", "a role of the pipeline's own"),
        ("postgres", "a role of the server's own"),
        ("pg_read_all_data", "a role of the server's own"),
        ("attack_boss", "the role exists and is a superuser"),
        ("attack_login", "the role exists and logs in"),
        ("attack_member", "the role exists and is a member of pipeline"),
    ],
)
def test_no_team_is_a_role_that_may_more(clean: Settings, role: str, sentence: str) -> None:
    """As `analyst` it read 16,866 addresses."""
    made = {"attack_boss": "superuser", "attack_login": "login",
            "attack_member": "in role pipeline"}  # fmt: skip
    if role in made:
        query(clean, f"create role {role} {made[role]}", "admin")
    query(clean, "update predictions.campaigns set owner_role = :owner", owner=role)
    granted = ("select count(*) from pg_auth_members where member = to_regrole(:name) "
               "and roleid = to_regrole('audience_readers')")  # fmt: skip
    try:
        with (
            pytest.raises(ConfigError, match=sentence),
            engine(clean, "admin").begin() as connection,
        ):
            create_team_roles(connection)
        assert query(clean, granted, name=role) == [(0,)]
    finally:
        if role in made:
            query(clean, f"drop role {role}", "admin")
