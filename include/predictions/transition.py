"""The one place where a publication changes state.

Publishing, reverting, withdrawing, retention, erasure and clean-up say what they want as a function
of what is there; `transition` takes the lock, reads what is there, asks them, and does it, all in
one short transaction. Nobody decides on what was read before the lock was had, so:

- `latest_campaign_propensity` is the newest published day, whoever publishes beside whom;
- an answer to COMMIT that got lost is asked for again: what was done is found done;
- a table that readers see, or saw once, is dropped by retention only;
- nobody who was erased becomes visible.

The lock is a row that only `pipeline` may lock; any role can take advisory locks.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, text, update
from sqlalchemy.exc import DBAPIError

from include.database.sqlstates import (
    DEADLOCK,
    LOCK_NOT_AVAILABLE,
    is_away,
    sqlstate,
)
from include.database.tables.predictions import Publication
from include.errors import PublishError
from include.predictions import blockers
from include.predictions.erased_rows import remove_erased
from include.predictions.locks import lock_exchange
from include.predictions.publications import table_name

log = logging.getLogger(__name__)

# Whoever waits for an exclusive lock makes later readers wait, too: so it is given up soon, and
# asked for again after a pause. All locks of a try together take no longer than this.
LOCK_TIMEOUT_MS = 700
LOCK_PAUSE_S = 1.0
LOCK_PAUSE_MAX_S = 5.0
LOCK_WAIT_S = 1_800.0
LAST_TRY_MS = 3_000
"""Time for a try in which readers are ended: they need a moment to be gone."""
PAUSE_MAX_MS = 10_000
"""A publisher that says nothing for so long within the exchange is ended; it changed nothing."""
CONNECTION_TRIES = 12
"""With the pauses between them, most of a minute: a server that is started again takes that."""


@dataclass(frozen=True)
class Version:
    """A publication of the day, as it is under the lock."""

    row: Row[Any]
    has_table: bool
    is_attached: bool

    @property
    def publication_id(self) -> int:
        """Its number."""
        return int(self.row.publication_id)

    @property
    def status(self) -> str:
        """Its state."""
        return str(self.row.status)

    @property
    def was_visible(self) -> bool:
        """Whether readers see it, or saw it once, so that it may have to come back."""
        return self.is_attached or self.row.published_at is not None


@dataclass(frozen=True)
class Day:
    """All that is known of a day, read under the lock."""

    day: date
    versions: Mapping[int, Version]
    """By number, oldest first."""

    @property
    def visible(self) -> Version | None:
        """What readers see."""
        return next((v for v in self.versions.values() if v.status == "published"), None)

    @property
    def visible_id(self) -> int | None:
        """Number of what readers see."""
        return self.visible.publication_id if self.visible else None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to become of a day."""

    visible: int | None
    """The publication that readers see afterwards; None: the day is not in the table."""
    states: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """New status and reason by publication."""
    drop: tuple[int, ...] = ()
    """Publications whose tables go."""
    also: Callable[[Connection], None] | None = None
    """What else is written in the same transaction."""


Decide = Callable[[Connection, Day], Change | None]
"""Gets what is there; gives what is to be, or None to leave it. May be asked more than once: of
what it wanted, it may find everything done already."""


def transition(engine: Engine, day: date, decide: Decide) -> Change | None:
    """Change what is visible of a day, or what is kept of it.

    Args:
        engine: The warehouse, as `pipeline`.
        day: The day of the scores.
        decide: Says what is to be, under the lock.

    Returns:
        What was done; None where nothing was to be done.

    Raises:
        PublishError: Readers held the table for `LOCK_WAIT_S`, or the warehouse went away again and
            again. What was visible before still is, or the change is whole.
    """
    began = time.monotonic()
    pause_s = LOCK_PAUSE_S
    lost = 0
    while True:
        try:
            return _try(engine, day, decide, time.monotonic() - began)
        except DBAPIError as error:
            state = sqlstate(error)
            waited_s = time.monotonic() - began
            if error.connection_invalidated or is_away(error):
                lost += 1
                if lost >= CONNECTION_TRIES:
                    raise PublishError(
                        f"{day}: the warehouse went away {lost} times while the day was changed; "
                        "readers see all of the change or nothing of it. Clear this task"
                    ) from error
                log.warning("%s: the connection was lost (%s): looking what was done", day, state)
            elif state not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                raise
            elif waited_s > LOCK_WAIT_S:
                raise PublishError(
                    f"{day}: readers held the prediction table for {LOCK_WAIT_S / 60:.0f} minutes; "
                    "what was visible before still is. Look for the oldest xact_start in "
                    "pg_stat_activity, then clear this task"
                ) from None
            else:
                log.info("a reader holds the prediction table: trying again in %.0f s", pause_s)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LOCK_PAUSE_MAX_S)


def _try(engine: Engine, day: date, decide: Decide, waited_s: float) -> Change | None:
    with engine.begin() as connection:
        # A publisher that is paused in here would keep all readers waiting for as long.
        connection.execute(text(f"set local idle_in_transaction_session_timeout = {PAUSE_MAX_MS}"))
        lock_exchange(connection)
        found = read_day(connection, day)
        change = decide(connection, found)
        if change is not None:
            _refuse_nonsense(found, change)
            # At most one is published at any moment: who goes, goes first.
            for publication_id, (status, reason) in sorted(
                change.states.items(), key=lambda item: item[1][0] == "published"
            ):
                _set_state(connection, publication_id, status, reason)
            if change.also:
                change.also(connection)
            if change.visible is not None:
                remove_erased(connection, change.visible)
        visible = change.visible if change else _attached(found)
        newest = _newest_published(connection)
        is_exchanged = visible != _attached(found)
        is_latest_shown = _is_shown(connection, newest)
        if is_exchanged or not is_latest_shown:
            is_last_resort = waited_s > blockers.patience_s(connection)
            what = f"the publication of {day}"
            patience = blockers.ended(engine, connection, what) if is_last_resort else nullcontext()
            with patience, _lock_budget(connection, is_last_resort) as next_lock:
                # The view, then the table, as readers lock them: the other way round, reader and
                # publisher wait for each other.
                if not is_latest_shown:
                    next_lock()
                    _show_latest(connection, newest)
                if is_exchanged:
                    # For a day that is new, too: else a query could be planned without the
                    # partition and then find the day published.
                    next_lock()
                    table = "predictions.campaign_propensity"
                    connection.execute(text(f"lock table only {table} in access exclusive mode"))
                    next_lock()
                    _exchange(connection, day, _attached(found), visible)
        for publication_id in change.drop if change else ():
            connection.execute(text(f"drop table if exists {table_name(publication_id)}"))
    return change


def read_day(connection: Connection, day: date) -> Day:
    """The publications of a day and their tables."""
    rows = connection.execute(
        select(Publication.__table__)
        .where(Publication.score_date == day)
        .order_by(Publication.publication_id)
    ).all()
    tables = connection.execute(
        text(
            "select c.relname, c.relispartition from pg_class c "
            "where c.relnamespace = 'predictions'::regnamespace and c.relkind = 'r' "
            "and c.relname = any (:names)"
        ),
        {"names": [table_name(row.publication_id).split(".")[1] for row in rows]},
    ).all()
    there = {name: bool(is_partition) for name, is_partition in tables}
    versions = {}
    for row in rows:
        mine = table_name(row.publication_id).split(".")[1]
        versions[int(row.publication_id)] = Version(row, mine in there, there.get(mine, False))
    return Day(day, versions)


def _attached(day: Day) -> int | None:
    return next((v.publication_id for v in day.versions.values() if v.is_attached), None)


def _refuse_nonsense(day: Day, change: Change) -> None:
    """What no caller may ask for, whatever its own checks."""
    shown = None if change.visible is None else day.versions.get(change.visible)
    if change.visible is not None and (shown is None or not shown.has_table):
        raise PublishError(
            f"{day.day}: publication {change.visible} has no table any more; nothing was changed. "
            "Clear the task that made it"
        )
    if change.visible in change.drop:
        raise PublishError(f"{day.day}: publication {change.visible} is visible and isn't dropped")
    after = {v.publication_id: v.status for v in day.versions.values()}
    after |= {number: status for number, (status, _) in change.states.items()}
    published = [number for number, status in after.items() if status == "published"]
    if published != ([] if change.visible is None else [change.visible]):
        raise PublishError(
            f"{day.day}: publications {published} would be published and {change.visible} visible; "
            "nothing was changed. This is a defect of the pipeline"
        )


def _set_state(connection: Connection, publication_id: int, status: str, reason: str) -> None:
    values: dict[str, Any] = {"status": status, "reason": reason[:2_000]}
    if status == "published":
        values["published_at"] = func.clock_timestamp()
    connection.execute(
        update(Publication).where(Publication.publication_id == publication_id).values(**values)
    )


@contextmanager
def _lock_budget(connection: Connection, is_last_resort: bool) -> Iterator[Callable[[], None]]:
    """Timeouts that together take no longer than one: each lock gets what the ones before left."""
    ends = time.monotonic() + (LAST_TRY_MS if is_last_resort else LOCK_TIMEOUT_MS) / 1_000

    def next_lock() -> None:
        left_ms = max(1, int((ends - time.monotonic()) * 1_000))
        connection.execute(text(f"set local lock_timeout = {left_ms}"))

    yield next_lock


def _exchange(connection: Connection, day: date, before: int | None, to: int | None) -> None:
    table = "predictions.campaign_propensity"
    if before is not None:
        connection.execute(text(f"alter table {table} detach partition {table_name(before)}"))
    if to is not None:
        connection.execute(
            text(
                f"alter table {table} attach partition {table_name(to)} "
                f"for values in ('{day.isoformat()}')"
            )
        )


def _newest_published(connection: Connection) -> date | None:
    newest: date | None = connection.scalar(
        text("select max(score_date) from predictions.publications where status = 'published'")
    )
    return newest


def _is_shown(connection: Connection, newest: date | None) -> bool:
    definition = connection.scalar(
        text("select pg_get_viewdef('predictions.latest_campaign_propensity'::regclass)")
    )
    return f"'{newest.isoformat() if newest else '-infinity'}'::date" in str(definition)


def _show_latest(connection: Connection, newest: date | None) -> None:
    """Point the view at the newest published day.

    The day is a constant of the view: the planner then looks at one partition instead of all.
    """
    shown = newest.isoformat() if newest else "-infinity"
    connection.execute(
        text(
            "create or replace view predictions.latest_campaign_propensity as "  # noqa: S608
            f"select * from predictions.campaign_propensity where score_date = date '{shown}'"
        )
    )
