"""Bring the warehouse's schema up to date."""

import logging
import re
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from include.database import definitions
from include.database.base import SCHEMAS
from include.database.sqlstates import LOCK_NOT_AVAILABLE, sqlstate
from include.errors import PipelineError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
# Two deployments that start at once must not migrate at once.
ADVISORY_LOCK = 4_927_301
LOCK_TIMEOUT_S, TRIES, PAUSE_S = 2, 150, 2.0
"""Readers of a table that is changed wait for two seconds at a time, for ten minutes at most."""

KEPT = {
    "pii.erasures": "0002",
    "pii.audience_access": "0002",
    "predictions.campaign_contacts": "0002",
    "predictions.reverts": "0002",
    "analytics.champions": "0004",
}
"""Tables that nobody could fill again, and the revision that made them."""


def is_ours(name: str | None, kind: str, _parents: Any = None) -> bool:
    """Whether a schema or table is the models' business: each publication is a table of its own."""
    if kind == "schema":
        return name in SCHEMAS
    return not (kind == "table" and re.fullmatch(r"(publication|loading)_\d+", name or ""))


COMPARE: dict[str, Any] = {
    "include_schemas": True,
    "include_name": is_ours,
    "compare_type": True,
    "compare_server_default": True,
}
"""How models and database are compared, by `alembic revision --autogenerate` and by a test."""


def migrate(connection: Connection, revision: str = "head") -> None:
    """Upgrade (or, for an older revision, downgrade) the warehouse's schema.

    Views, roles and grants belong to the newest revision only: see `definitions`.

    The caller owns the transaction: a failed migration leaves nothing behind.

    Raises:
        PipelineError: Readers held a table for `TRIES` tries, or a downgrade would destroy what
            nobody could fill again. Nothing was changed.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    for number in range(1, TRIES + 1):
        try:
            with connection.begin_nested():
                connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT_S}s'"))
                _run(connection, revision)
            return
        except DBAPIError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            log.info("a reader holds a table that is migrated: try %d of %d", number, TRIES)
            time.sleep(PAUSE_S)
    raise PipelineError(
        f"the warehouse was not migrated: readers held a table through {TRIES} tries. Nothing was "
        "changed. Look for the oldest xact_start in pg_stat_activity, then run set-up again"
    )


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    if revision != "head" and _is_behind(config, connection, revision):
        _refuse_to_destroy(connection, revision)
        definitions.drop(connection)
        command.downgrade(config, revision)
        return
    command.upgrade(config, revision)
    if revision == "head":
        definitions.apply(connection)


def _refuse_to_destroy(connection: Connection, revision: str) -> None:
    target = "" if revision == "base" else revision
    filled = [
        name
        for name, made_by in KEPT.items()
        if target < made_by
        and connection.scalar(text("select to_regclass(:name)"), {"name": name}) is not None
        and connection.scalar(text(f"select exists (select from {name})"))  # noqa: S608
    ]
    if filled:
        raise PipelineError(
            f"the warehouse was not taken back to revision {revision}: that would destroy "
            f"{', '.join(filled)}, which nobody could fill again. Save these tables and empty them "
            "first, if you mean it"
        )


def _is_behind(config: Config, connection: Connection, revision: str) -> bool:
    """Whether a revision is one that the database has gone through already."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None or revision == "base":
        return current is not None
    ancestors = ScriptDirectory.from_config(config).iterate_revisions(current, "base")
    return revision in [script.revision for script in ancestors]
