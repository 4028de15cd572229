"""Publish a day of scores: load aside, check, then one short transaction makes it visible.

Each publication is a table of its own (`predictions.publication_<id>`), loaded by COPY where
nobody looks and checked against the lake. The last transaction attaches it as the day's partition
in place of the one before, which stays, detached. Readers see the old day or the new one, whole.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import OperationalError

from include.checksum import rows_checksum
from include.errors import PublishError
from include.warehouse.models import CampaignPropensity, Publication

log = logging.getLogger(__name__)

COLUMNS = tuple(column.name for column in CampaignPropensity.__table__.columns)
SCORE_COLUMNS = tuple(name for name in COLUMNS if name != "publication_id")
# Attaching needs an exclusive lock for milliseconds. Whoever waits for one makes later readers
# wait too, so we give up soon and come back.
LOCK_TIMEOUT_MS = 500
LOCK_TRIES = 60
LOCK_PAUSE_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A day of scores to publish, with what a reader needs to know about it."""

    score_date: date
    batches: Callable[[], Iterator[pa.RecordBatch]]
    """Gives the rows, `SCORE_COLUMNS` in order; called twice."""
    users: int
    """Known users on the day: each has a row per campaign."""
    campaigns: tuple[str, ...]
    model_version: str
    model_policy: str
    lake_snapshots: dict[str, int | None]
    run_id: str


@dataclass(frozen=True)
class Published:
    """What came of an attempt to publish."""

    publication_id: int
    row_count: int
    checksum: str
    is_new: bool
    """False where the visible publication already had this content."""


def publish(engine: Engine, adbc_uri: str, scores: Scores) -> Published:
    """Make a day of scores visible.

    Args:
        engine: The warehouse.
        adbc_uri: The same database for ADBC, which loads a million rows a second.
        scores: The day.

    Returns:
        The visible publication: a new one, or the one before where the content is the same.

    Raises:
        PublishError: The rows failed a check, or the lock could not be had. The attempt is
            recorded as rejected with its reason; what was visible still is.
    """
    row_count = 0
    checksums: list[str] = []

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal row_count
        for batch in scores.batches():
            row_count += batch.num_rows
            checksums.append(rows_checksum([batch]))
            yield batch

    for _ in counted():
        pass
    checksum = _add(checksums)
    with engine.begin() as connection:
        current = _visible(connection, scores.score_date)
        if current and (current.checksum, current.row_count, current.model_version) == (
            checksum, row_count, scores.model_version,
        ):  # fmt: skip
            return Published(current.publication_id, row_count, checksum, is_new=False)
        publication_id: int = connection.execute(
            insert(Publication)
            .values(
                score_date=scores.score_date,
                # What a crash leaves behind was never visible and says so.
                status="rejected",
                model_version=scores.model_version,
                model_policy=scores.model_policy,
                lake_snapshots=scores.lake_snapshots,
                row_count=row_count,
                checksum=checksum,
                created_at=datetime.now(UTC),
                run_id=scores.run_id,
                reason="the attempt did not finish",
            )
            .returning(Publication.publication_id)
        ).scalar_one()
        connection.execute(
            text(
                f"create table {_table(publication_id)} "
                "(like predictions.campaign_propensity including defaults)"
            )
        )
    try:
        _load(adbc_uri, publication_id, scores)
        _check(engine, publication_id, scores, row_count, checksum)
        _attach(engine, publication_id, scores.score_date)
    except Exception as error:
        _reject(engine, publication_id, str(error))
        raise
    return Published(publication_id, row_count, checksum, is_new=True)


def _table(publication_id: int, *, qualified: bool = True) -> str:
    return f"{'predictions.' if qualified else ''}publication_{int(publication_id)}"


def _visible(connection: Connection, day: date) -> Publication | None:
    row = connection.execute(
        select(Publication.__table__).where(
            Publication.score_date == day, Publication.status == "published"
        )
    ).one_or_none()
    return Publication(**row._mapping) if row else None


def _load(adbc_uri: str, publication_id: int, scores: Scores) -> None:
    def rows() -> Iterator[pa.RecordBatch]:
        for batch in scores.batches():
            ids = pa.array([publication_id] * batch.num_rows, pa.int64())
            columns = [batch.column(name) for name in SCORE_COLUMNS]
            columns[SCORE_COLUMNS.index("decile")] = batch.column("decile").cast(pa.int16())
            yield pa.RecordBatch.from_arrays([*columns, ids], names=list(COLUMNS))

    first = next(rows(), None)
    if first is None:
        return
    with dbapi.connect(adbc_uri) as connection, connection.cursor() as cursor:
        reader = pa.RecordBatchReader.from_batches(first.schema, rows())
        cursor.adbc_ingest(
            _table(publication_id, qualified=False), reader, mode="append",
            db_schema_name="predictions",
        )  # fmt: skip
        connection.commit()


def _check(
    engine: Engine, publication_id: int, scores: Scores, row_count: int, checksum: str
) -> None:
    """Index the loaded table and compare what arrived with what was to arrive."""
    name = _table(publication_id)
    short = _table(publication_id, qualified=False)
    day = scores.score_date.isoformat()
    with engine.begin() as connection:
        # The primary key proves one row a pair; the check constraint saves the scan at ATTACH.
        for statement in (
            f"alter table {name} add primary key (score_date, campaign_id, user_id)",
            f"create index {short}_best on {name} (campaign_id, rank)",
            f"create index {short}_user on {name} (user_id)",
            f"alter table {name} add constraint {short}_day check (score_date = date '{day}')",
            f"analyze {name}",
        ):
            connection.execute(text(statement))
        found = connection.execute(
            text(
                f"select count(*) as rows, count(distinct user_id) as users, "  # noqa: S608
                "array_agg(distinct campaign_id order by campaign_id) as campaigns, "
                "coalesce(bool_and(score between 0 and 1), false) as in_range "
                f"from {name}"
            )
        ).one()
        loaded = connection.execution_options(stream_results=True).execute(
            text(f"select {', '.join(SCORE_COLUMNS)} from {name}")  # noqa: S608
        )
        seen = _add([rows_checksum([batch]) for batch in _arrow_batches(loaded)])
    problems = []
    expected = scores.users * len(scores.campaigns)
    if not found.rows == row_count == expected:
        problems.append(
            f"{found.rows} rows were loaded, {row_count} scored, and {scores.users} users × "
            f"{len(scores.campaigns)} campaigns make {expected}"
        )
    if found.users != scores.users:
        problems.append(f"{found.users} users have scores, {scores.users} are known")
    if tuple(found.campaigns or ()) != tuple(sorted(scores.campaigns)):
        problems.append(f"campaigns are {found.campaigns}, not {sorted(scores.campaigns)}")
    if not found.in_range:
        problems.append("there are scores outside 0-1")
    if seen != checksum:
        problems.append(f"the loaded rows' checksum is {seen}, the lake's {checksum}")
    if problems:
        raise PublishError(
            f"scores of {day} were not published (publication {publication_id}): "
            f"{'; '.join(problems)}. What was visible before still is. Clear `build` of "
            "score_daily for this day"
        )


def _arrow_batches(result: Any) -> Iterator[pa.RecordBatch]:
    schema = pa.schema(
        [
            ("score_date", pa.date32()), ("campaign_id", pa.string()), ("user_id", pa.int64()),
            ("score", pa.float64()), ("rank", pa.int32()), ("decile", pa.int32()),
            ("arm", pa.string()), ("model_version", pa.string()),
        ]
    )  # fmt: skip
    for rows in result.partitions(100_000):
        columns = list(zip(*rows, strict=True))
        yield pa.RecordBatch.from_arrays(
            [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)],
            schema=schema,
        )


def _attach(engine: Engine, publication_id: int, day: date) -> None:
    """The one transaction that readers notice."""
    for number in range(LOCK_TRIES):
        try:
            with engine.begin() as connection:
                connection.execute(text(f"set local lock_timeout = {LOCK_TIMEOUT_MS}"))
                connection.execute(
                    text("lock table only predictions.campaign_propensity in access exclusive mode")
                )
                before = _visible(connection, day)
                if before:
                    connection.execute(
                        text(
                            "alter table predictions.campaign_propensity "
                            f"detach partition {_table(before.publication_id)}"
                        )
                    )
                    connection.execute(
                        update(Publication)
                        .where(Publication.publication_id == before.publication_id)
                        .values(
                            status="superseded",
                            reason=f"superseded by {publication_id}",
                        )
                    )
                connection.execute(
                    text(
                        "alter table predictions.campaign_propensity attach partition "
                        f"{_table(publication_id)} for values in ('{day.isoformat()}')"
                    )
                )
                connection.execute(
                    update(Publication)
                    .where(Publication.publication_id == publication_id)
                    .values(status="published", reason="all checks passed")
                )
            return
        except OperationalError as error:
            if "lock timeout" not in str(error):
                raise
            log.info(
                "a reader holds the prediction table, try %d of %d",
                number + 1,
                LOCK_TRIES,
            )
            time.sleep(LOCK_PAUSE_S)
    raise PublishError(
        f"scores of {day} were not published: readers held the prediction table for "
        f"{LOCK_TRIES * LOCK_PAUSE_S:.0f} s. Look for a long transaction in pg_stat_activity, then "
        "clear `publish`"
    )


def _reject(engine: Engine, publication_id: int, reason: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"drop table if exists {_table(publication_id)}"))
        connection.execute(
            update(Publication)
            .where(Publication.publication_id == publication_id)
            .values(status="rejected", reason=reason[:2_000])
        )


def _add(checksums: list[str]) -> str:
    return f"{sum(int(checksum, 16) for checksum in checksums) & ((1 << 64) - 1):016x}"
