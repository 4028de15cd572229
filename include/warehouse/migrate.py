"""Bring the warehouse's schema up to date."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

MIGRATIONS = Path(__file__).parent / "migrations"
# Two deployments that start at once must not migrate at once.
ADVISORY_LOCK = 4_927_301


def migrate(connection: Connection, revision: str = "head") -> None:
    """Upgrade (or, for an older revision, downgrade) the warehouse's schema.

    The caller owns the transaction: a failed migration leaves nothing behind.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    if revision == "base":
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
