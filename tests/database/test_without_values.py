"""A failure near personal data is told without it: in the error, our logs and the server's log."""

import logging
import traceback
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.audience import contacts
from include.audience.contacts import load_contacts
from include.audience.warehouse_erasure import begin
from include.database import definitions
from include.database.engine import engine
from include.database.without_values import without_values
from include.errors import LandingError, WithheldError
from include.settings import Settings
from tests.audience.test_contacts import FIRST, jsonl, land
from tests.predictions.score_rows import query

PLANTED = {"email": "planted@example.org", "phone": "+1-202-555-0142", "full_name": "Ada Planted"}

RAISES = """
create function pii.refuse() returns trigger language plpgsql as $$ begin
  raise exception 'no % here', new.email
    using detail = new::text, hint = new.phone, constraint = new.full_name, table = new.email,
      errcode = '{state}';
end $$;
create {constraint} trigger refuse after insert on {table} {deferrable}
  for each row execute function pii.refuse();
"""

FAILURES = {
    # What the test does to the database, and what the pipeline's error says of it.
    "a check": ("alter table pii.contacts add constraint no_ada check (full_name !~ 'Ada')",
                "CheckViolation (SQLSTATE 23514), table pii.contacts, constraint no_ada"),
    "a key": ("create unique index one_phone on pii.contacts (phone); insert into pii.contacts "
              f"values (7, null, '{PLANTED['phone']}', null, false, '2026-01-01')",
              "UniqueViolation (SQLSTATE 23505), table pii.contacts, constraint one_phone"),
    "a trigger that says it all": (
        RAISES.format(state="P0001", constraint="", table="pii.contacts", deferrable=""),
        "RaiseException (SQLSTATE P0001). Values"),
    "a code that nobody knows": (
        RAISES.format(state="XX9ZZ", constraint="", table="pii.contacts", deferrable=""),
        "SQLSTATE XX9ZZ"),
    "the commit": (
        RAISES.format(state="23000", constraint="constraint", table="pii.contacts",
                      deferrable="deferrable initially deferred"),
        "IntegrityConstraintViolation (SQLSTATE 23000)"),
    "a text in the wrong place": (
        "alter table pii.contacts add column age int generated always as "
        "(case when user_id < 0 then 1 else email::int end) stored",
        "InvalidTextRepresentation (SQLSTATE 22P02)"),
    "the connection": (
        "create function pii.refuse() returns trigger language plpgsql as $$ begin "
        "perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); return new; end $$;"
        "alter function pii.refuse() security definer; create trigger refuse after insert on "
        "pii.contacts for each row execute function pii.refuse()",
        "AdminShutdown (SQLSTATE 57P01)"),
}  # fmt: skip


@pytest.fixture
def server_log(place: Settings) -> Path:
    return place.home / "postgres" / "log"


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_while_contacts_are_loaded_shows_nobodys_data(
    place: Settings, server_log: Path, case: str, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    land(place, FIRST, "u.jsonl", jsonl({"user_id": 1, "marketing_consent": True} | PLANTED))
    land(place, FIRST, "_SUCCESS", "")
    what, said = FAILURES[case]
    query(place, what.replace(":", "\\:"), "admin")
    before = server_log.stat().st_size
    caplog.set_level(logging.DEBUG)
    with pytest.raises(WithheldError) as failure:
        load_contacts(f"{FIRST}", f"{FIRST}")

    assert said in str(failure.value)
    assert f"loading the contacts of {FIRST} failed" in str(failure.value)
    error: BaseException | None = failure.value
    while error is not None:
        assert isinstance(error, WithheldError)
        error = error.__cause__ or error.__context__
    places = {
        "the error": "".join(traceback.format_exception(failure.value)),
        "our logs": caplog.text,
        "what was printed": "".join(capfd.readouterr()),
        "the server's log": server_log.read_bytes()[before:].decode(),
    }
    found = {name: value for name, shown in places.items() for value in PLANTED.values()
             if value in shown}  # fmt: skip
    assert found == {}
    assert query(place, "select count(*) from pii.contacts where user_id = 1") == [(0,)]
    assert query(place, "select * from analytics.ingest_accounting") == []


@pytest.mark.parametrize("cut", [False, True])
def test_a_failure_within_the_copy_shows_nobodys_data(
    place: Settings, server_log: Path, cut: bool, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    land(place, FIRST, "_SUCCESS", "")
    land(place, FIRST, "u.jsonl", jsonl({"user_id": 1} | PLANTED, {"user_id": 2} | PLANTED))
    if cut:  # the server learns from psycopg why there are no more rows
        land(place, FIRST, "v.jsonl.gz", b"").write_bytes(PLANTED["email"].encode())
    else:
        broken = contacts._STAGING.replace("phone text", "phone text check (length(phone) < 9)")
        monkeypatch.setattr(contacts, "_STAGING", broken)
    before = server_log.stat().st_size
    caplog.set_level(logging.DEBUG)
    with pytest.raises(LandingError if cut else WithheldError) as failure:
        load_contacts(f"{FIRST}", f"{FIRST}")
    shown = "".join(traceback.format_exception(failure.value))
    for where in (shown, caplog.text, server_log.read_bytes()[before:].decode()):
        assert not [value for value in PLANTED.values() if value in where]


def test_a_readers_mistake_does_not_bring_addresses_into_the_servers_log(
    place: Settings, server_log: Path
) -> None:
    query(place, "insert into pii.contacts values (1, :email, :phone, :full_name, true, now())",
          **PLANTED)  # fmt: skip
    before = server_log.stat().st_size
    for setting in ("log_min_messages = 'error'", "log_error_verbosity = 'verbose'"):
        with pytest.raises(DBAPIError, match="permission denied"):
            query(place, f"set {setting}", "pipeline")
    with pytest.raises(DBAPIError, match="invalid input syntax"):
        query(place, "select email::int from pii.contacts".replace(":", "\\:"))
    written = server_log.read_bytes()[before:].decode()
    assert "planted@example.org" not in written


def test_where_the_servers_log_cannot_be_silenced_set_up_warns(
    place: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    sql = (definitions.FOLDER / "server_log.sql").read_text(encoding="utf-8")
    with engine(place).begin() as connection:
        definitions.run(connection, sql)
    assert "the server's log may hold personal data: this login may not set" in caplog.text


def test_an_erasure_that_fails_shows_nobodys_data(place: Settings) -> None:
    query(place, "insert into pii.contacts values (1, :email, :phone, :full_name, true, now())",
          **PLANTED)  # fmt: skip
    query(place, "create function pii.refuse() returns trigger language plpgsql as $$ begin "
          "raise exception 'no' using detail = old; end $$; create trigger refuse before delete "
          "on pii.contacts for each row execute function pii.refuse()", "admin")  # fmt: skip
    with (
        pytest.raises(WithheldError, match="RaiseException") as failure,
        engine(place).begin() as connection,
    ):
        begin(connection, 1, "#1")
    assert "lanted" not in "".join(traceback.format_exception(failure.value))


def test_no_engine_shows_the_parameters_of_what_failed(place: Settings) -> None:
    with engine(place).connect() as connection, pytest.raises(DBAPIError) as failure:
        connection.execute(text("select 1 / 0, :email"), {"email": "planted@example.org"})
    assert "planted" not in str(failure.value)


def test_the_pipelines_own_errors_pass_and_all_others_do_not() -> None:
    with pytest.raises(LandingError, match="as it is"), without_values("x"):
        raise LandingError("as it is")
    with pytest.raises(KeyboardInterrupt), without_values("x"):
        raise KeyboardInterrupt
    with pytest.raises(WithheldError) as failure, without_values("x"):
        int("planted@example.org")
    assert str(failure.value) == "x failed: ValueError. Values are withheld"
    assert failure.value.__context__ is None
    assert failure.value.__cause__ is None
    where = "".join(traceback.format_exception(failure.value))
    assert "test_without_values.py" in where, "where it happened is still told"
