"""Publish a day of scores: load aside, check, then one short transaction makes it visible.

    begin → load → index → check → show

Whatever ends an attempt, at any step, readers see what they saw before, the attempt is on record in
`predictions.publications` with its reason, and the next attempt on the day clears away what this
one left.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import SQLAlchemyError

from include.database.tables.predictions import Publication
from include.errors import PublishRefusedError
from include.lake.checksum import rows_checksum, sum_checksums
from include.predictions import checks, loading
from include.predictions.publications import (
    day_lock,
    drop_leftovers,
    loading_name,
    set_state,
    swap,
    table_name,
    visible,
)
from include.predictions.revert import holding, release

log = logging.getLogger(__name__)

UNFINISHED = "the attempt did not finish"


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
    replaces_revert: bool = False
    """Whether it may replace what a person reverted to."""


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


def publish(engine: Engine, uri: str, scores: Scores) -> Published:
    """Make a day of scores visible.

    Args:
        engine: The warehouse.
        uri: The same database for libpq and ADBC, which load a million rows a second.
        scores: The day.

    Returns:
        The visible publication: a new one, or the one before where the content is the same.

    Raises:
        PublishRefusedError: The rows failed a check, or a person reverted the day.
        PublishError: The lock could not be had.
            Either way the attempt is on record as rejected, with its reason, and what was visible
            still is.
    """
    row_count, checksum = _sum_up(scores)
    with day_lock(engine, scores.score_date):
        with engine.begin() as connection:
            drop_leftovers(connection, scores.score_date)
            current = visible(connection, scores.score_date)
        if current and (current.checksum, current.row_count, current.model_version) == (
            checksum, row_count, scores.model_version,
        ):  # fmt: skip
            return Published(current.publication_id, row_count, checksum, is_new=False)
        attempt = _Attempt(engine, uri, scores, row_count, checksum)
        try:
            for step in STEPS:
                step(attempt)
        except Exception as error:
            _reject(attempt, str(error))
            raise
    return Published(attempt.publication_id, row_count, checksum, is_new=True)


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
                reason=UNFINISHED,
            )
            .returning(Publication.publication_id)
        ).scalar_one()
    with attempt.engine.connect() as connection:
        hold = holding(connection, scores.score_date)
    if hold and not scores.replaces_revert:
        raise PublishRefusedError(
            f"scores of {scores.score_date} were not published: {hold.reverted_by} reverted this "
            f"day ({hold.reason}). To publish over it, run score_daily of this day with the "
            'parameter {"replace_reverted": true}'
        )


def _load(attempt: _Attempt) -> None:
    loading.load(attempt.uri, attempt.publication_id, attempt.scores.batches)


def _index(attempt: _Attempt) -> None:
    with attempt.engine.begin() as connection:
        loading.index(connection, attempt.publication_id, attempt.scores.score_date)


def _check(attempt: _Attempt) -> None:
    scores = attempt.scores
    with attempt.engine.connect() as connection:
        wrong = checks.problems(
            connection,
            attempt.uri,
            attempt.publication_id,
            day=scores.score_date,
            users=scores.users,
            holdout_shares=scores.holdout_shares,
            row_count=attempt.row_count,
            checksum=attempt.checksum,
        )
    if wrong:
        raise PublishRefusedError(
            f"scores of {scores.score_date} were not published (publication "
            f"{attempt.publication_id}): {'; '.join(wrong)}. What was visible before still is. "
            "Clear `scores.build` of score_daily for this day"
        )


def _show(attempt: _Attempt) -> None:
    day, publication_id = attempt.scores.score_date, attempt.publication_id

    def record(connection: Connection) -> None:
        before = visible(connection, day)
        if before:
            set_state(
                connection, before.publication_id, "superseded", f"superseded by {publication_id}"
            )
        set_state(connection, publication_id, "published", "all checks passed")
        release(connection, day)

    swap(attempt.engine, day, publication_id, record)


STEPS: tuple[Callable[[_Attempt], None], ...] = (_begin, _load, _index, _check, _show)


def _reject(attempt: _Attempt, reason: str) -> None:
    if not attempt.publication_id:
        return
    try:
        with attempt.engine.begin() as connection:
            for name in (loading_name, table_name):
                connection.execute(text(f"drop table if exists {name(attempt.publication_id)}"))
            set_state(connection, attempt.publication_id, "rejected", reason)
    except SQLAlchemyError as error:
        # The record says already that the attempt did not finish; the next one drops the tables.
        log.warning("could not clear publication %d away: %s", attempt.publication_id, error)
