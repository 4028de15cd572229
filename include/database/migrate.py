"""Bring the warehouse's schema up to date."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from include.database import definitions

MIGRATIONS = Path(__file__).parent / "migrations"
# Two deployments that start at once must not migrate at once.
ADVISORY_LOCK = 4_927_301


def migrate(connection: Connection, revision: str = "head") -> None:
    """Upgrade (or, for an older revision, downgrade) the warehouse's schema.

    Views, roles and grants belong to the newest revision only: see `definitions`.

    The caller owns the transaction: a failed migration leaves nothing behind.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    if revision != "head" and _is_behind(config, connection, revision):
        definitions.drop(connection)
        command.downgrade(config, revision)
        return
    command.upgrade(config, revision)
    if revision == "head":
        definitions.apply(connection)


def _is_behind(config: Config, connection: Connection, revision: str) -> bool:
    """Whether a revision is one that the database has gone through already."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None or revision == "base":
        return current is not None
    ancestors = ScriptDirectory.from_config(config).iterate_revisions(current, "base")
    return revision in [script.revision for script in ancestors]
