"""Connections to the warehouse."""

from functools import cache

from sqlalchemy import Engine, create_engine

from include.database.address import Role, database_url
from include.settings import Settings


@cache
def engine(settings: Settings, role: Role = "pipeline") -> Engine:
    """An engine for the warehouse; sessions speak UTC and are named in `pg_stat_activity`."""
    return create_engine(
        database_url(settings, "warehouse", "psycopg", role),
        pool_pre_ping=True,
        # Of a statement that fails, the text is shown, never what it was to write.
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC", "application_name": "propensity"},
    )
