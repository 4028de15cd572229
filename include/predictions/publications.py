"""A publication: its table, the day's lock, and the short transaction that readers notice.

Each publication is a table of its own, `predictions.publication_<id>`. At most one a day is a
partition of `predictions.campaign_propensity`; the others of the day stay beside it until retention
drops them, so that each can come back.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text, update
from sqlalchemy.exc import OperationalError

from include.database.tables.predictions import Publication
from include.errors import PublishError

log = logging.getLogger(__name__)

# Attaching needs an exclusive lock for milliseconds. Whoever waits for one makes later readers
# wait too, so we give up soon and come back: a reader is never held longer than this.
LOCK_TIMEOUT_MS = 700
LOCK_PAUSE_S = 1.0
LOCK_PAUSE_MAX_S = 5.0
LOCK_WAIT_S = 1_800.0

DAY_LOCK = 4_927_302
"""First key of the advisory locks that keep attempts on one day apart; the second is the day."""

KEPT = ("published", "superseded", "reverted")
"""Publications with one of these states have a table; a rejected attempt has none."""


def table_name(publication_id: int) -> str:
    """The publication's table."""
    return f"predictions.publication_{int(publication_id)}"


def loading_name(publication_id: int) -> str:
    """Where an attempt loads its rows first; gone when the attempt ends."""
    return f"predictions.loading_{int(publication_id)}"


@contextmanager
def day_lock(engine: Engine, day: date) -> Iterator[None]:
    """Keep other attempts on the same day out. It ends with the process, however that ends."""
    keys = {"first": DAY_LOCK, "second": day.toordinal()}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("select pg_advisory_lock(:first, :second)"), keys)
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:first, :second)"), keys)


def visible(connection: Connection, day: date) -> Row[Any] | None:
    """The publication that readers see for a day."""
    return connection.execute(
        select(Publication.__table__).where(
            Publication.score_date == day, Publication.status == "published"
        )
    ).one_or_none()


def drop_leftovers(connection: Connection, day: date) -> list[str]:
    """Drop what attempts on a day left behind that didn't live to clean up. Needs `day_lock`.

    Returns:
        The tables dropped.
    """
    rows = connection.execute(
        text(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "join predictions.publications p "
            "on c.relname in ('publication_' || p.publication_id, 'loading_' || p.publication_id) "
            "where n.nspname = 'predictions' and c.relkind = 'r' and not c.relispartition "
            "and p.score_date = :day "
            "and (p.status = 'rejected' or c.relname like 'loading%')"
        ),
        {"day": day},
    ).scalars()
    dropped = [f"predictions.{name}" for name in rows]
    for name in dropped:
        connection.execute(text(f"drop table {name}"))
        log.info("dropped %s, which an attempt that was killed left behind", name)
    return dropped


def swap(engine: Engine, day: date, to: int | None, record: Callable[[Connection], None]) -> None:
    """Make a publication the day's partition, or withdraw the day; the one step that readers see.

    Args:
        engine: The warehouse.
        day: The day.
        to: The publication whose table comes in; None: the day disappears.
        record: Writes, in the same transaction, what is known of it afterwards; it sets the states.

    Raises:
        PublishError: Readers held the table for `LOCK_WAIT_S`.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    pause_s = LOCK_PAUSE_S
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(text(f"set local lock_timeout = {LOCK_TIMEOUT_MS}"))
                before = visible(connection, day)
                record(connection)
                # The view, then the table: as a reader of the view locks them. The other way round,
                # each would wait for the other (28 s until the lock was had, under four readers).
                show_latest(connection)
                # Even for a day that is new: without it, a query could be planned without the
                # partition and then find the day published.
                connection.execute(
                    text("lock table only predictions.campaign_propensity in access exclusive mode")
                )
                _exchange(connection, day, before.publication_id if before else None, to)
            return
        except OperationalError as error:
            if "lock timeout" not in str(error):
                raise
            if time.monotonic() > deadline:
                raise PublishError(
                    f"{day}: readers held the prediction table for {LOCK_WAIT_S / 60:.0f} minutes; "
                    "what was visible before still is. Look for the oldest xact_start in "
                    "pg_stat_activity, then clear this task"
                ) from None
            log.info("a reader holds the prediction table: trying again in %.0f s", pause_s)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LOCK_PAUSE_MAX_S)


def _exchange(connection: Connection, day: date, before: int | None, to: int | None) -> None:
    if before is not None:
        connection.execute(
            text(
                f"alter table predictions.campaign_propensity detach partition {table_name(before)}"
            )
        )
    if to is not None:
        connection.execute(
            text(
                "alter table predictions.campaign_propensity attach partition "
                f"{table_name(to)} for values in ('{day.isoformat()}')"
            )
        )


def set_state(connection: Connection, publication_id: int, status: str, reason: str) -> None:
    """Write a publication's state and why it has it."""
    connection.execute(
        update(Publication)
        .where(Publication.publication_id == publication_id)
        .values(status=status, reason=reason[:2_000])
    )


def show_latest(connection: Connection) -> None:
    """Point `latest_campaign_propensity` at the newest published day, if that is another one.

    The day is a constant of the view: the planner then looks at one partition instead of all.
    """
    newest = connection.scalar(
        text("select max(score_date) from predictions.publications where status = 'published'")
    )
    shown = newest.isoformat() if newest else "-infinity"
    view = "predictions.latest_campaign_propensity"
    definition = connection.scalar(text("select pg_get_viewdef(:view)"), {"view": view})
    if f"'{shown}'::date" not in str(definition):
        connection.execute(
            text(
                f"create or replace view {view} as "  # noqa: S608
                "select * from predictions.campaign_propensity "
                f"where score_date = date '{shown}'"
            )
        )
