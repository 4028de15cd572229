"""The same publications on the oldest supported Postgres, over TCP and with passwords.

Needs the binaries of Postgres 15 (Debian: `apt-get install postgresql-15`); skipped without them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.config import load_config
from include.database.address import DATABASES, database_url
from include.database.base import SCHEMAS
from include.database.engine import engine
from include.database.migrate import migrate
from include.database.roles import create_team_roles
from include.database.server import prepare, still_open
from include.errors import SettingsError
from include.predictions.campaigns import copy_config
from include.settings import Settings, load_settings
from tests.audience import test_audience, test_reservations
from tests.audience.market import with_contacts
from tests.database import test_attacks, test_roles
from tests.database.own_server import PASSWORD, own_server
from tests.predictions import test_publish, test_revert
from tests.predictions.score_rows import DAY, go, query, scores

VERSION = 15
PLACES = [Path(f"/usr/lib/postgresql/{VERSION}/bin"), Path(f"/usr/pgsql-{VERSION}/bin"),
          Path(f"/opt/homebrew/opt/postgresql@{VERSION}/bin")]  # fmt: skip
BIN = next((place for place in PLACES if (place / "initdb").exists()), None)
pytestmark = pytest.mark.skipif(BIN is None, reason=f"no Postgres {VERSION} on this machine")


@contextmanager
def server() -> Iterator[str]:
    """A server of its own; yields its URL as its owner."""
    assert BIN is not None
    with own_server(BIN, "postgres") as made:
        yield made.url


@pytest.fixture(scope="module")
def old_server() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture
def old(old_server: str) -> Iterator[Settings]:
    environment = {f"PROPENSITY_{role}_PASSWORD": PASSWORD
                   for role in ("PIPELINE", "ANALYST", "MARKETING", "LAKE", "MLFLOW", "AIRFLOW")
                   }  # fmt: skip
    chosen = load_settings({"PROPENSITY_POSTGRES_URL": old_server, **environment})
    prepare(chosen)
    with engine(chosen, "admin").begin() as connection:
        # Not by a downgrade, which is refused where somebody has reserved.
        for schema in SCHEMAS:
            connection.execute(text(f"drop schema if exists {schema} cascade"))
        connection.execute(text("drop table if exists alembic_version, applied_definitions"))
        migrate(connection)
        copy_config(connection, load_config(chosen), chosen.time_zone)
        create_team_roles(connection)
    yield chosen
    for role in ("admin", "pipeline", "analyst", "marketing"):
        engine(chosen, role).dispose()  # type: ignore[arg-type]
    engine.cache_clear()


def test_it_is_what_it_says(old: Settings) -> None:
    ((version,),) = query(old, "show server_version")
    assert version.startswith(f"{VERSION}.")


def test_equal_scores_make_equal_publications_on_both(old: Settings, place: Settings) -> None:
    what = scores(users=5_000, control=10)
    ours, theirs = go(place, what), go(old, what)
    assert (ours.row_count, ours.checksum) == (theirs.row_count, theirs.checksum)
    content = ("select md5(string_agg(t::text, ',' order by campaign_id, user_id)) from (select "
               "score_date, campaign_id, user_id, score, rank, decile, arm from "
               "predictions.latest_campaign_propensity where score_date = :day) as t")  # fmt: skip
    assert query(old, content, "analyst", day=DAY) == query(place, content, "analyst", day=DAY)


@pytest.mark.parametrize(
    "check",
    [
        test_publish.test_a_new_version_supersedes_the_old_and_the_old_is_kept,
        test_publish.test_a_reader_with_an_older_snapshot_sees_the_whole_new_day,
        test_publish.test_arms_that_no_chance_explains_are_refused,
        test_revert.test_a_rerun_does_not_undo_it_unless_told_to,
        test_revert.test_a_day_can_be_withdrawn_so_that_the_day_before_is_the_latest,
        test_attacks.every_attempt_is_refused,
        test_roles.test_readers_of_the_warehouse_get_into_no_other_database,
        test_roles.test_nobody_else_gets_in,
        test_audience.test_reserved_users_come_first_with_their_addresses,
        test_audience.test_the_transaction_that_reserves_sees_no_address,
        test_audience.test_a_team_sees_its_own_campaigns_only,
        test_reservations.test_whoever_is_given_back_can_be_reserved_again,
    ],
    ids=lambda check: check.__name__,
)
def test_what_holds_on_the_newest_holds_here(
    old: Settings, check: Callable[[Settings], None]
) -> None:
    prepared = {"published": test_roles.with_predictions, "market": with_contacts,
                "attacked": test_attacks.with_everything}  # fmt: skip
    names = check.__code__.co_varnames[: check.__code__.co_argcount]
    check(prepared.get(names[0], lambda settings: settings)(old))


def test_a_user_who_is_no_superuser_sets_up_and_is_told_what_stays_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As on a managed server; once a superuser shut the doors, set-up goes on working."""
    environment = {f"PROPENSITY_{role}_PASSWORD": PASSWORD
                   for role in ("PIPELINE", "ANALYST", "LAKE", "MLFLOW", "AIRFLOW")}  # fmt: skip
    with server() as url:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute("create role builder login createrole createdb password 'b'")
            for name in DATABASES:
                connection.execute(f"alter database {name} owner to builder")
        builder = f"postgresql://builder:b@{url.rpartition('@')[2]}"
        chosen = load_settings({"PROPENSITY_POSTGRES_URL": builder, **environment})

        def set_up() -> int:
            caplog.clear()
            prepare(chosen)
            with engine(chosen, "admin").begin() as connection:
                migrate(connection)
                copy_config(connection, load_config(chosen), chosen.time_zone)
                create_team_roles(connection)
            return sum("only a superuser can take away" in record.message
                       for record in caplog.records)  # fmt: skip

        assert set_up() == 1
        assert go(chosen, scores()).is_new
        as_boss = load_settings({"PROPENSITY_POSTGRES_URL": url, **environment})
        prepare(as_boss)
        assert still_open(as_boss) == ""
        assert set_up() == 0
        with pytest.raises(DBAPIError, match="permission denied for function pg_advisory_lock"):
            query(chosen, "select pg_advisory_lock(1)", "analyst")
        for role in ("admin", "pipeline", "analyst"):
            engine(chosen, role).dispose()  # type: ignore[arg-type]
    engine.cache_clear()


def test_without_a_password_the_sentence_names_the_setting(old: Settings) -> None:
    lacking = load_settings({"PROPENSITY_POSTGRES_URL": old.postgres_url.get_secret_value()})
    with pytest.raises(SettingsError, match="PROPENSITY_ANALYST_PASSWORD isn't set"):
        database_url(lacking, "warehouse", role="analyst")
