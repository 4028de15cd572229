"""Migrations make exactly what the models say, and can be undone."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from include.settings import Settings
from include.warehouse.base import SCHEMAS, Base
from include.warehouse.engine import engine
from include.warehouse.migrate import migrate


def test_models_and_database_agree(place: Settings) -> None:
    with engine(place, "admin").connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name in SCHEMAS,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_down_to_nothing_and_up_again(place: Settings) -> None:
    with engine(place, "admin").begin() as connection:
        migrate(connection, "base")
        schemas = "select count(*) from pg_namespace where nspname = any(:names)"
        assert connection.scalar(text(schemas), {"names": list(SCHEMAS)}) == 0
        migrate(connection)
        assert connection.scalar(text(schemas), {"names": list(SCHEMAS)}) == len(SCHEMAS)


def test_every_column_says_what_it_means(place: Settings) -> None:
    with engine(place, "admin").connect() as connection:
        silent = connection.execute(
            text(
                "select table_schema, table_name, column_name from information_schema.columns "
                "where table_schema = any(:names) and table_name <> 'latest_campaign_propensity' "
                "and col_description(format('%I.%I', table_schema, table_name)::regclass, "
                "ordinal_position) is null"
            ),
            {"names": list(SCHEMAS)},
        ).all()
    assert silent == []
