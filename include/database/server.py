"""What belongs to the server and not to one schema: logins, whose each database is, shut doors.

Set-up runs it each time, before anybody migrates anything: `python -m include.database.server`.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Error as PostgresError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from include.database import definitions
from include.database.address import OWNERS, Database, database_url
from include.database.migrate import ADVISORY_LOCK
from include.database.roles import set_passwords
from include.errors import PipelineError, SettingsError
from include.settings import Settings, check_arm_key, settings

log = logging.getLogger(__name__)

_OPEN = """
select count(*) from pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace
  and (p.proname ~ '^(pg_advisory_|pg_try_advisory_|lo_)'
       or p.proname in ('loread', 'lowrite', 'pg_notify', 'pg_logical_emit_message'))
  and has_function_privilege('public', p.oid, 'execute')
"""
_OPEN_DATABASES = """
select string_agg(datname, ', ' order by datname) from pg_database
where datallowconn and datname in ('postgres', 'template1')
  and has_database_privilege('public', oid, 'connect')
"""


def prepare(chosen: Settings) -> None:
    """Make the logins and groups, give each database to its own, take from the public.

    Raises:
        SettingsError: The settings name a user who may not, or a role that exists may too much.
    """
    url = database_url(chosen, "warehouse", role="admin")
    try:
        with _connected(chosen, "warehouse") as connection:
            # Two deployments that start at once; the lock ends with the transaction.
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            for name in ("roles.sql", "limits.sql", "revokes.sql"):
                definitions.run(connection, definitions.read(name))
            # Roles are there for others once they are committed.
        for database, owner in OWNERS.items():
            with _connected(chosen, database) as connection:
                hand_over = definitions.read("database_owner.sql")
                definitions.run(
                    connection, hand_over.replace("{owner}", owner).replace("{database}", database)
                )
                definitions.run(connection, definitions.read("revokes.sql"))
    except (DBAPIError, PostgresError) as error:  # definitions run past SQLAlchemy
        said = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
        raise SettingsError(
            f"the server can't be prepared: {said}. "
            "PROPENSITY_POSTGRES_URL has to name a superuser, or the owner of the four databases "
            "who may make roles and databases"
        ) from error
    set_passwords(chosen, url)
    if left := still_open(chosen):
        log.warning(
            "only a superuser can take away what every role of this server may do: %s. Whoever "
            "reads predictions could stop set-up or pass data on by it (docs/runbook.md)",
            left,
        )


def still_open(chosen: Settings) -> str:
    """What the public may still do, in words; empty: nothing that matters."""
    with _connected(chosen, "warehouse") as connection:
        functions = connection.scalar(text(_OPEN))
        databases = connection.scalar(text(_OPEN_DATABASES))
    return "; ".join(
        part
        for part in (
            f"call {functions} functions (advisory locks, large objects, pg_notify, "
            "pg_logical_emit_message)" if functions else "",
            f"connect to {databases}" if databases else "",
        )
        if part
    )  # fmt: skip


@contextmanager
def _connected(chosen: Settings, database: Database) -> Iterator[Connection]:
    """A transaction in a database, as the server's own user."""
    engine = create_engine(database_url(chosen, database, "psycopg", "admin"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def main() -> None:
    """Prepare the server that the settings name."""
    try:
        check_arm_key(settings())
        prepare(settings())
    except PipelineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
