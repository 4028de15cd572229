"""Roles, views, functions and grants: a file each, which says what holds today.

Tables change by migrations, one after the other; these are made anew, all together, whenever one of
the files is another than what the database was made from, or its tables are of another revision:
what a role may is said column by column.
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from psycopg.errors import Diagnostic
from sqlalchemy import Connection, text

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "definitions"

ORDER = (
    "roles.sql",
    "server_log.sql",
    "limits.sql",
    "revokes.sql",
    "ownership.sql",
    "functions/end_blockers.sql",
    "functions/team_rights.sql",
    "functions/read_audience.sql",
    "functions/reserve_audience.sql",
    "functions/open_audience.sql",
    "functions/confirm_sends.sql",
    "functions/give_back.sql",
    "views/latest_campaign_propensity.sql",
    "views/campaign_audience.sql",
    "views/stale_partitions.sql",
    "views/freshness.sql",
    "row_level_security.sql",
    "grants.sql",
    "append_only.sql",
    "triggers/keep_publications.sql",
    "triggers/keep_reverts.sql",
    "triggers/keep_erasures.sql",
    "triggers/keep_campaign_contacts.sql",
    "triggers/keep_model_decisions.sql",
    "triggers/refuse_drop_owned.sql",
)
"""Files in the order in which they build on each other."""

_REMEMBER = """
create table if not exists public.applied_definitions (
  is_only_row boolean primary key default true check (is_only_row),
  sha256 text not null
)
"""


def apply(connection: Connection) -> bool:
    """Make everything as the files say, in the caller's transaction; needs the newest tables.

    Returns:
        Whether anything was to be done.
    """
    sql = [read(name) for name in ORDER]
    revision = MigrationContext.configure(connection).get_current_revision()
    digest = hashlib.sha256("\0".join([f"{revision}", *sql]).encode()).hexdigest()
    connection.execute(text(_REMEMBER))
    if connection.scalar(text("select sha256 from public.applied_definitions")) == digest:
        return False
    for statements in sql:
        run(connection, statements)
    connection.execute(
        text(
            "insert into public.applied_definitions (sha256) values (:digest) "
            "on conflict (is_only_row) do update set sha256 = excluded.sha256"
        ),
        {"digest": digest},
    )
    return True


def drop(connection: Connection) -> None:
    """Take everything but the roles away: what a downgrade does to tables mustn't hit a view."""
    run(connection, read("drop.sql"))
    connection.execute(text("drop table if exists public.applied_definitions"))


def read(name: str) -> str:
    """The statements of a file."""
    return (FOLDER / name).read_text(encoding="utf-8")


def run(connection: Connection, statements: str) -> None:
    """Run the statements of a file; what they warn of goes to the log."""
    # Past SQLAlchemy, which takes colons and per cent signs for parameters.
    driver: Any = connection.connection.driver_connection
    driver.add_notice_handler(_show_warning)
    try:
        driver.execute(statements)
    finally:
        driver.remove_notice_handler(_show_warning)


def _show_warning(notice: Diagnostic) -> None:
    if notice.severity_nonlocalized == "WARNING":
        log.warning("%s", notice.message_primary)
