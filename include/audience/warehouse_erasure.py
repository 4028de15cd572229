"""Take one user out of the warehouse: contact data at once, then every published version."""

import logging
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from include.audience.contacts import forget_refused
from include.database.sqlstates import QUERY_CANCELED, UNDEFINED_TABLE, sqlstate
from include.database.tables.audience import CampaignCohort, CampaignContact, Contact, Erasure
from include.database.tables.predictions import Publication
from include.database.upsert import upsert
from include.database.without_values import without_values
from include.predictions.blockers import patience_s, without_writers
from include.predictions.erased_rows import remove_erased
from include.predictions.publications import table_name
from include.predictions.retention import drop_all_leftovers
from include.predictions.transition import Change, Day, transition

log = logging.getLogger(__name__)


def begin(connection: Connection, user_id: int, requested_by: str) -> int:
    """Delete a user's contact data and keep it from coming back.

    Returns:
        Rows of contact data removed.
    """
    upsert(
        connection,
        Erasure,
        [
            {
                "user_id": user_id,
                "requested_by": requested_by,
                "requested_at": datetime.now(UTC),
                "finished_at": None,
                "report": {},
            }
        ],
    )
    with without_values("deleting contact data"):
        # Waits for a load that is under way, so what follows sees all that it wrote.
        removed = connection.execute(delete(Contact).where(Contact.user_id == user_id))
        forget_refused(connection, user_id)
    return int(removed.rowcount)


def erase_predictions(engine: Engine, user_id: int) -> dict[str, int]:
    """Delete a user's rows from every version of every day, published or kept beside.

    Needs `begin` to be committed: a publication that is being made meanwhile leaves the user out
    when it becomes visible, because the exchange looks at `pii.erasures` itself.

    Args:
        engine: The warehouse.
        user_id: The user.

    Returns:
        Rows removed by table; tables without any are left out.
    """
    removed: dict[str, int] = {}
    done: set[date] = set()
    while days := _days(engine) - done:  # again: days may have come meanwhile
        for day in sorted(days):
            _erase_day(engine, day, user_id, removed)
        done |= days
    records = (CampaignContact, CampaignCohort)
    # A reservation that began before `begin` was committed may take the user, and commit after us.
    with without_writers(
        engine, [f"{model.__table__}" for model in records], f"the erasure of user {user_id}"
    ) as connection:
        for model in records:
            gone = connection.execute(delete(model).where(model.user_id == user_id)).rowcount
            if gone:
                removed[f"{model.__table__}"] = gone
    drop_all_leftovers(engine)
    _vacuum(engine, [name for name in removed if name.startswith("predictions.publication_")])
    return removed


def _days(engine: Engine) -> set[date]:
    with engine.connect() as connection:
        return set(connection.scalars(select(Publication.score_date).distinct()))


def _erase_day(engine: Engine, day: date, user_id: int, removed: dict[str, int]) -> None:
    found: dict[str, int] = {}

    def decide(_connection: Connection, here: Day) -> Change | None:
        found.clear()
        numbers = [v.publication_id for v in here.versions.values() if v.has_table]

        def erase(connection: Connection) -> None:
            for number in numbers:
                if gone := remove_erased(connection, number, user_id).rows:
                    found[table_name(number)] = gone

        return Change(visible=here.visible_id, also=erase)

    transition(engine, day, decide)
    for name, gone in found.items():
        removed[name] = removed.get(name, 0) + gone


def _vacuum(engine: Engine, tables: list[str]) -> None:
    """Let the deleted rows leave the files, too, as far as no transaction may still read them.

    Whoever keeps a cursor open keeps a page from being cleaned, for as long as they like and
    without a lock that could be seen. The rows are gone for all who begin to read; that their bytes
    are, too, is then left to the server's autovacuum.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        patience_ms = int(patience_s(connection) * 1_000)
        connection.execute(text(f"set statement_timeout = {patience_ms}"))
        try:
            for name in tables:
                try:
                    connection.execute(text(f"vacuum {name}"))
                except DBAPIError as error:
                    if sqlstate(error) == QUERY_CANCELED:
                        log.warning("%s: a reader's cursor kept it from being vacuumed", name)
                    # Of an attempt that was killed, and dropped since.
                    elif sqlstate(error) != UNDEFINED_TABLE:
                        raise
        finally:
            connection.execute(text("reset statement_timeout"))


def finish(connection: Connection, user_id: int, report: dict[str, Any]) -> None:
    """Store what was removed where."""
    connection.execute(
        update(Erasure)
        .where(Erasure.user_id == user_id)
        .values(finished_at=datetime.now(UTC), report=report)
    )
