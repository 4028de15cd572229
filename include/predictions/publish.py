"""Publish a day of scores: load aside, check, then one short transaction makes it visible.

    begin → load → index and check → show

Whatever ends an attempt, at any step, readers see what they saw before, the attempt is on record in
`predictions.publications` with its reason, and the next attempt on the day clears away what this
one left.

The loaded rows are frozen: every snapshot sees them. So who was erased is left out before they are,
and who is erased between then and the exchange makes the attempt begin again: a row that is deleted
at the exchange would still be seen by a reader whose snapshot is younger than the erasure.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pyarrow as pa
from sqlalchemy import Connection, Engine, Row, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from include.database.tables.predictions import Publication
from include.errors import PublishError, PublishRefusedError
from include.lake.checksum import rows_checksum, subtract_checksum, sum_checksums
from include.predictions import checks, loading
from include.predictions.erased_rows import removed
from include.predictions.leftovers import drop_leftovers
from include.predictions.locks import day_lock
from include.predictions.revert import holding, release
from include.predictions.transition import Change, Day, transition

log = logging.getLogger(__name__)

UNFINISHED = "the attempt did not finish"
TRIES = 5
"""Erasures that end while a day is loaded are rare; so many in a row, something else is wrong."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A day of scores to publish, with what a reader needs to know about it."""

    score_date: date
    batches: Callable[[], Iterator[pa.RecordBatch]]
    """Gives the rows, `loading.SCORE_COLUMNS` in order; called twice."""
    users: int
    """Known users on the day: each has a row per campaign."""
    holdout_shares: Mapping[str, float]
    """Each campaign's share of control users, 0-1."""
    model_version: str
    model_policy: str
    lake_snapshots: dict[str, int | None]
    run_id: str
    attempt: str | None = None
    """The attempt that made them in the lake, its code, and when it began; None: not on record."""
    code_version: str | None = None
    scores_begun_at: datetime | None = None
    replaces_revert: bool = False
    """Whether it may replace what a person reverted to."""
    refuse_stale: Callable[[Connection], None] = lambda _: None
    """Raises PublishRefusedError where other scores took their place; asked under the lock."""


@dataclass(frozen=True)
class Published:
    """What came of an attempt to publish."""

    publication_id: int
    row_count: int
    checksum: str
    is_new: bool
    """False where the visible publication already had this content."""


@dataclass
class _Attempt:
    engine: Engine
    uri: str
    scores: Scores
    row_count: int
    checksum: str
    publication_id: int = field(default=0)
    erased_users: int = field(default=0)
    """Known users that were left out."""
    erased: frozenset[int] = frozenset()
    """All who had been erased when the rows were loaded."""


class _ErasedMeanwhileError(PublishError):
    """Somebody was erased since the rows were frozen."""


def publish(engine: Engine, uri: str, scores: Scores) -> Published:
    """Make a day of scores visible.

    Args:
        engine: The warehouse.
        uri: The same database for libpq and ADBC, which load a million rows a second.
        scores: The day.

    Returns:
        The visible publication: a new one, or the one before where the content is the same.

    Raises:
        PublishRefusedError: The rows failed a check, a person reverted the day, or other scores
            took these ones' place.
        PublishError: The lock could not be had.
            Either way the attempt is on record as rejected, with its reason, and what was visible
            still is.
    """
    row_count, checksum = _sum_up(scores)
    day = scores.score_date
    with day_lock(engine, day):
        drop_leftovers(engine, day)
        if unchanged := _unchanged(engine, scores, row_count, checksum):
            return Published(unchanged, row_count, checksum, is_new=False)
        for left in reversed(range(TRIES)):
            attempt = _Attempt(engine, uri, scores, row_count, checksum)
            try:
                _take_steps(attempt)
            except _ErasedMeanwhileError as error:
                if not left:
                    raise
                log.warning("%s: loading the day again", error)
            else:
                break
    return Published(attempt.publication_id, attempt.row_count, attempt.checksum, is_new=True)


def _take_steps(attempt: _Attempt) -> None:
    try:
        for step in STEPS:
            step(attempt)
    except Exception as error:
        if _is_published(attempt):
            # The answer to COMMIT was lost, and everything after it went wrong, too.
            log.warning("publication %d is visible all the same", attempt.publication_id)
        else:
            _reject(attempt, str(error))
            raise


def _unchanged(engine: Engine, scores: Scores, row_count: int, checksum: str) -> int | None:
    """The visible publication, if it holds just these rows."""
    same: list[int] = []
    began_at = datetime.now(UTC)

    def look(connection: Connection, day: Day) -> Change | None:
        same.clear()
        scores.refuse_stale(connection)
        shown = day.visible
        content = (checksum, row_count, scores.model_version)
        if not shown:
            return None
        if (shown.row.checksum, shown.row.row_count, shown.row.model_version) != content:
            return None
        same.append(shown.publication_id)
        if scores.replaces_revert and not _held_against(connection, scores, began_at):
            return Change(visible=day.visible_id, also=lambda c: release(c, scores.score_date))
        return None

    # A transition that changes nothing still mends the view, should it show another day.
    transition(engine, scores.score_date, look)
    return same[0] if same else None


def _sum_up(scores: Scores) -> tuple[int, str]:
    rows, checksums = 0, []
    for batch in scores.batches():
        rows += batch.num_rows
        checksums.append(rows_checksum([batch]))
    return rows, sum_checksums(checksums)


def _begin(attempt: _Attempt) -> None:
    """Put the attempt on record before it does anything."""
    scores = attempt.scores
    with attempt.engine.begin() as connection:
        attempt.publication_id = connection.execute(
            insert(Publication)
            .values(
                score_date=scores.score_date,
                # What a crash leaves behind was never visible and says so.
                status="rejected",
                model_version=scores.model_version,
                model_policy=scores.model_policy,
                lake_snapshots=scores.lake_snapshots,
                row_count=attempt.row_count,
                checksum=attempt.checksum,
                created_at=datetime.now(UTC),
                run_id=scores.run_id,
                attempt=scores.attempt,
                code_version=scores.code_version,
                scores_begun_at=scores.scores_begun_at,
                reason=UNFINISHED,
            )
            .returning(Publication.publication_id)
        ).scalar_one()
    with attempt.engine.connect() as connection:
        _refuse_reverted(connection, scores, datetime.now(UTC))


def _refuse_reverted(connection: Connection, scores: Scores, began_at: datetime) -> None:
    """What a person went back to stays, unless the run may replace it, and they did before it."""
    if hold := _held_against(connection, scores, began_at):
        raise PublishRefusedError(
            f"scores of {scores.score_date} were not published: {hold.reverted_by} reverted this "
            f"day ({hold.reason}). To publish over it, run score_daily of this day with the "
            'parameter {"replace_reverted": true}'
        )


def _held_against(connection: Connection, scores: Scores, began_at: datetime) -> Row[Any] | None:
    hold = holding(connection, scores.score_date)
    return None if hold and scores.replaces_revert and hold.reverted_at <= began_at else hold


def _load(attempt: _Attempt) -> None:
    def correct_books(connection: psycopg.Connection, left_out: pa.Table) -> None:
        gone = removed(left_out)
        attempt.row_count -= gone.rows
        attempt.checksum = subtract_checksum(attempt.checksum, gone.checksum)
        attempt.erased_users = gone.users
        connection.execute(
            "update predictions.publications set row_count = %s, checksum = %s "
            "where publication_id = %s",
            (attempt.row_count, attempt.checksum, attempt.publication_id),
        )

    attempt.erased = loading.load(
        attempt.uri, attempt.publication_id, attempt.scores.batches, correct_books
    )


def _check(attempt: _Attempt) -> None:
    """Index the table and look at its rows, beside each other: each keeps one core busy."""
    with attempt.engine.begin() as indexing, ThreadPoolExecutor(1) as beside:
        indexed = beside.submit(loading.index, indexing, attempt.publication_id)
        try:
            wrong = _problems(attempt)
        except BaseException:
            # Whatever it is, a timeout say: it doesn't wait for the index.
            while not indexed.done():
                with contextlib.suppress(psycopg.Error):
                    indexing.connection.driver_connection.cancel()  # type: ignore[union-attr]
                wait([indexed], timeout=0.2)  # between two statements nothing is cancelled
            raise
        # Two rows of a pair fail here, whatever else is wrong.
        indexed.result()
    with attempt.engine.begin() as connection:
        # Rows that an erasure took out meanwhile are missing, but not wrong.
        _refuse_erased_since(connection, attempt)
        if wrong:
            raise PublishRefusedError(
                f"scores of {attempt.scores.score_date} were not published (publication "
                f"{attempt.publication_id}): {'; '.join(wrong)}. What was visible before still is. "
                "Clear `scores.build` of score_daily for this day"
            )
        loading.constrain(connection, attempt.publication_id, attempt.scores.score_date)


def _refuse_erased_since(connection: Connection, attempt: _Attempt) -> None:
    """Rows of whoever was erased since the load are frozen in the table, or were.

    Whether they are there still doesn't matter: a reader whose snapshot is older than their
    deletion, though younger than the erasure's beginning, would see them once the day is shown.
    """
    erased = connection.scalars(text("select user_id from pii.erasures"))
    if not attempt.erased.issuperset(erased):
        raise _ErasedMeanwhileError(
            f"publication {attempt.publication_id} of {attempt.scores.score_date} was not shown: a "
            "user was erased while it was loaded. What was visible before still is. Clear "
            "`publish_predictions`"
        )


def _problems(attempt: _Attempt) -> list[str]:
    scores = attempt.scores
    with attempt.engine.connect() as connection:
        return checks.problems(
            connection,
            attempt.uri,
            attempt.publication_id,
            day=scores.score_date,
            model_version=scores.model_version,
            users=scores.users - attempt.erased_users,
            erased_users=attempt.erased_users,
            holdout_shares=scores.holdout_shares,
            row_count=attempt.row_count,
            checksum=attempt.checksum,
        )


def _show(attempt: _Attempt) -> None:
    scores, mine = attempt.scores, attempt.publication_id

    def decide(connection: Connection, day: Day) -> Change | None:
        before, own = day.visible, day.versions[mine].row
        if own.published_at is not None:
            return None  # done already: the answer got lost; what came after it stays
        # Others come between only where this attempt lost the day's lock with its session.
        for version in day.versions.values():
            if version.publication_id > mine and version.was_visible:
                raise PublishRefusedError(
                    f"scores of {scores.score_date} were not published: publication "
                    f"{version.publication_id} began after this one ({mine}) and was shown "
                    "meanwhile. What is visible stays; if this run is to replace it, clear "
                    "`publish_predictions`"
                )
        _refuse_reverted(connection, scores, own.created_at)
        scores.refuse_stale(connection)
        _refuse_erased_since(connection, attempt)
        states = {mine: ("published", "all checks passed")}
        if before:
            states[before.publication_id] = ("superseded", f"superseded by {mine}")
        return Change(visible=mine, states=states, also=lambda c: release(c, scores.score_date))

    transition(attempt.engine, scores.score_date, decide)


STEPS: tuple[Callable[[_Attempt], None], ...] = (_begin, _load, _check, _show)
"""In order; after the last one readers see the day."""


def _is_published(attempt: _Attempt) -> bool:
    """Whether readers see the attempt, as far as can be told."""
    try:
        with attempt.engine.connect() as connection:
            found = connection.execute(
                select(Publication.status).where(
                    Publication.publication_id == attempt.publication_id
                )
            ).scalar_one_or_none()
    except SQLAlchemyError:
        return False
    return found == "published"


def _reject(attempt: _Attempt, reason: str) -> None:
    """Put on record why, and drop the attempt's tables, unless readers ever saw them."""
    mine = attempt.publication_id
    if not mine:
        return

    def decide(_connection: Connection, day: Day) -> Change | None:
        found = day.versions.get(mine)
        if found is None or found.was_visible:
            return None
        return Change(
            visible=day.visible_id,
            states={mine: ("rejected", reason)},
            drop=(mine,),
        )

    try:
        transition(attempt.engine, attempt.scores.score_date, decide)
    except (SQLAlchemyError, PublishError) as error:
        # The record says already that the attempt did not finish; the next one drops the tables.
        log.warning("could not clear publication %d away: %s", mine, error)
