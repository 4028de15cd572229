"""Migrations make exactly what the models say, and can be undone."""

import threading
from datetime import date

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from include.audience.uplift import unmeasured
from include.audience.warehouse_erasure import begin
from include.database import definitions
from include.database.base import SCHEMAS, Base
from include.database.engine import engine
from include.database.migrate import COMPARE, migrate
from include.errors import PipelineError
from include.predictions.revert import revert
from include.settings import Settings
from tests.predictions.score_rows import go, scores


def test_models_and_database_agree_with_publications_in_it(place: Settings) -> None:
    go(place, scores())
    with engine(place, "admin").connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts=COMPARE,
        )
        assert compare_metadata(context, Base.metadata) == []


def test_down_to_nothing_and_up_again(place: Settings) -> None:
    with engine(place, "admin").begin() as connection:
        migrate(connection, "base")
        schemas = "select count(*) from pg_namespace where nspname = any(:names)"
        assert connection.scalar(text(schemas), {"names": list(SCHEMAS)}) == 0
        migrate(connection)
        assert connection.scalar(text(schemas), {"names": list(SCHEMAS)}) == len(SCHEMAS)


def test_an_upgrade_gives_what_a_role_may_do_to_new_columns(place: Settings) -> None:
    """The files of roles are the same before and after, and name no column of the new ones."""
    new = ["attempt", "code_version", "scores_begun_at"]
    may = text(
        "select bool_and(has_column_privilege('pipeline', 'predictions.publications', name, "
        "'insert')) from unnest(cast(:names as text[])) as name"
    )
    with engine(place, "admin").connect() as connection:
        for name in new:
            connection.execute(text(f"alter table predictions.publications drop column {name}"))
        connection.execute(text("update alembic_version set version_num = '0014'"))
        assert definitions.apply(connection), "as an installation of that revision was set up"
        assert not definitions.apply(connection)
        migrate(connection)
        assert connection.scalar(may, {"names": new})
        connection.rollback()


def test_every_column_says_what_it_means(place: Settings) -> None:
    with engine(place, "admin").connect() as connection:
        silent = connection.execute(
            text(
                "select table_schema, table_name, column_name from information_schema.columns "
                "where table_schema = any(:names) "
                "and col_description(format('%I.%I', table_schema, table_name)::regclass, "
                "ordinal_position) is null"
            ),
            {"names": list(SCHEMAS)},
        ).all()
    assert silent == []


OLD_DAY = """
create table predictions.publication_{id} (like predictions.campaign_propensity including defaults);
insert into predictions.publication_{id}
  select date '2026-03-10', 'cars', n, 0.5, n, 1, 'treatment', '{id}', {id}
  from generate_series(1, 5) as n;
alter table predictions.publication_{id} add primary key (score_date, campaign_id, user_id);
insert into predictions.publications (score_date, status, model_version, model_policy,
  lake_snapshots, row_count, checksum, created_at, run_id, reason)
  values ('2026-03-10', '{status}', '{id}', 'as_of', '{{}}', 5, 'c', now(), 'r', '');
"""
ATTACH = (
    "alter table predictions.campaign_propensity attach partition predictions.publication_2 "
    "for values in ('2026-03-10')"
)


def test_days_that_an_earlier_revision_published_come_along(place: Settings) -> None:
    """Both ways, with a visible version and one that was superseded, which can still come back."""
    with engine(place, "admin").begin() as connection:
        migrate(connection, "0001")
        for number, status in ((1, "superseded"), (2, "published")):
            connection.exec_driver_sql(OLD_DAY.format(id=number, status=status))
        connection.exec_driver_sql(ATTACH)
        for revision in ("0002", "0003", "0002", "0001", "head"):
            migrate(connection, revision)
            seen = connection.exec_driver_sql(
                "select count(*), min(model_version) from predictions.latest_campaign_propensity"
            ).one()
            assert tuple(seen) == (5, "2"), revision
    assert revert(engine(place), date(2026, 3, 10), None, "wrong prices", "ann") == 1
    with engine(place, "analyst").connect() as connection:
        seen = connection.execute(
            text("select count(*), min(model_version) from predictions.latest_campaign_propensity")
        ).one()
    assert tuple(seen) == (5, "1")


def test_first_tables_of_attempts_that_were_killed_go(place: Settings) -> None:
    with engine(place, "admin").begin() as connection:
        migrate(connection, "0013")
        for name in ("loading_7", "loading_8", "loading_dock"):
            connection.exec_driver_sql(f"create table predictions.{name} (a int)")
        migrate(connection, "head")
        left = connection.exec_driver_sql(
            "select relname from pg_class where relname like 'loading\\_%%'"
        ).all()
    assert [tuple(row) for row in left] == [("loading_dock",)]


def test_a_downgrade_that_would_destroy_what_nobody_could_fill_again_is_refused(
    place: Settings,
) -> None:
    with engine(place).begin() as connection:
        begin(connection, 7, "#123")
    with engine(place, "admin").begin() as connection:
        with pytest.raises(
            PipelineError, match=r"to revision 0001: that would destroy pii\.erasures"
        ):
            migrate(connection, "0001")
        migrate(connection, "0005")  # nothing is lost there
        migrate(connection)


def test_a_migration_waits_for_a_reader_in_short_tries(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.database.migrate.PAUSE_S", 0.05)
    with engine(place, "admin").begin() as connection:
        migrate(connection, "0005")
    reader = engine(place, "admin").connect()
    reader.execute(text("select count(*) from predictions.publications"))
    threading.Timer(3.0, reader.rollback).start()
    with engine(place, "admin").begin() as connection:
        migrate(connection)
    reader.close()
    go(place, scores())


def test_a_migration_that_readers_never_let_through_changes_nothing(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.database.migrate.TRIES", 1)
    monkeypatch.setattr("include.database.migrate.PAUSE_S", 0.0)
    with engine(place, "admin").begin() as connection:
        migrate(connection, "0005")
    with engine(place, "admin").connect() as reader:
        reader.execute(text("select count(*) from predictions.publications"))
        with (
            pytest.raises(PipelineError, match="readers held a table through 1 tries"),
            engine(place, "admin").begin() as connection,
        ):
            migrate(connection)
    with engine(place, "admin").begin() as connection:
        assert connection.scalar(text("select version_num from alembic_version")) == "0005"
        migrate(connection)


RECORDED_BEFORE = """
insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date)
  values ('coffee', '2026-03-11', 1, '2026-03-10'), ('coffee', '2026-03-11', 2, '2026-03-10'),
    ('coffee', '2026-03-12', 3, '2026-03-11');
insert into analytics.campaign_cohorts values ('coffee', '2026-03-11', 1, 'treatment'),
  ('coffee', '2026-03-11', 9, 'control');
insert into analytics.campaign_uplift (campaign_id, send_date, horizon_days, treatment_users,
  treatment_positives, control_users, control_positives, measured_through, measured_at)
  values ('coffee', '2026-03-11', 7, 1, 1, 1, 0, '2026-03-17', now());
"""
BY_RESERVATION = """
select r.send_date - date '2026-03-11', r.asked_users, r.treatment_users, r.control_users,
  (select count(*) from predictions.campaign_contacts k
   where k.reservation_id = r.reservation_id and k.confirmed_at is not null),
  (select mailed_users from analytics.campaign_uplift u where u.reservation_id = r.reservation_id)
from predictions.audience_reservations r order by 1
"""


def test_mails_recorded_before_there_were_reservations_get_one(place: Settings) -> None:
    """Down and up again; but not down once a team has reserved: that is the log of who read."""
    with engine(place, "admin").begin() as connection:
        migrate(connection, "0005")
        connection.exec_driver_sql(RECORDED_BEFORE)
        for revision in ("head", "0005", "head"):
            migrate(connection, revision)
        found = [tuple(row) for row in connection.exec_driver_sql(BY_RESERVATION)]
        assert found == [(0, 2, 1, 1, 2, 1), (1, 1, 0, 0, 1, None)]
        assert unmeasured(connection, date(2027, 1, 1)) == []
        connection.exec_driver_sql(
            "update predictions.audience_reservations set publication_id = 1"
        )
    with (
        pytest.raises(psycopg.Error, match="would destroy the log of who took which addresses"),
        engine(place, "admin").begin() as connection,
    ):
        migrate(connection, "0005")
