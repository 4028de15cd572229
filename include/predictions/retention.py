"""Drop what nobody needs any more: superseded versions, old days, reports of old runs."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, text
from sqlalchemy.exc import DBAPIError

from include.config import Retention, load_config
from include.database.engine import engine as warehouse_engine
from include.database.sqlstates import LOCK_NOT_AVAILABLE, sqlstate
from include.database.tables.predictions import Publication, Revert
from include.database.tables.tasks import TaskState
from include.predictions.leftovers import drop_leftovers
from include.predictions.locks import day_lock, try_day
from include.predictions.transition import Change, Day, transition
from include.settings import settings


def maintain_predictions() -> None:
    """Drop superseded versions, old days, and what killed attempts left, by configured ages."""
    warehouse = warehouse_engine(settings())
    retention = load_config(settings()).warehouse.retention
    now = datetime.now(UTC)
    old = drop_old_days(warehouse, retention)
    superseded = drop_superseded(warehouse, retention, now)
    leftovers = drop_all_leftovers(warehouse)
    _analyse(warehouse)
    with warehouse.begin() as connection:
        states = drop_task_states(connection, retention, now)
    print(
        f"[maintain] predictions: {len(old)} old days, {len(superseded)} superseded versions, "
        f"{len(leftovers)} tables of killed attempts, {states} task states dropped",
        flush=True,
    )


def _analyse(engine: Engine) -> None:
    """Statistics of the prediction table over all its days: autovacuum makes none of a parent."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("analyze predictions.campaign_propensity"))


def drop_superseded(engine: Engine, retention: Retention, now: datetime) -> list[int]:
    """Drop the tables of versions that were replaced or taken back long ago; their records stay.

    Returns:
        The publications that can't be brought back any more.
    """
    before = now - timedelta(days=retention.superseded_days)
    is_old = select(Publication.publication_id, Publication.score_date).where(
        Publication.status.in_(("superseded", "reverted")),
        # The visible one came after it: only then did its time begin.
        _replaced_at() < before,
    )
    with engine.connect() as connection:
        old = connection.execute(is_old).all()
    dropped = []
    for publication_id, day in old:

        def decide(
            connection: Connection, found: Day, number: int = publication_id
        ) -> Change | None:
            version = found.versions.get(number)
            if version is None or not version.has_table or version.is_attached:
                return None  # brought back meanwhile, or gone
            if not try_day(connection, found.day):
                return None  # somebody is at it, perhaps to bring it back
            still = is_old.where(Publication.publication_id == number)
            if connection.execute(still).first() is None:
                return None
            return Change(visible=found.visible_id, drop=(number,))

        if transition(engine, day, decide):
            dropped.append(publication_id)
    return dropped


def _replaced_at() -> ColumnElement[datetime]:
    """When it stopped being visible: its newest successor was made, or it was taken back."""
    later = Publication.__table__.alias("later")
    succeeded = (
        select(func.max(later.c.created_at))
        .where(
            later.c.score_date == Publication.score_date,
            later.c.publication_id > Publication.publication_id,
            later.c.status != "rejected",
        )
        .scalar_subquery()
    )
    taken_back = (
        select(func.max(Revert.reverted_at))
        .where(Revert.from_publication_id == Publication.publication_id)
        .scalar_subquery()
    )
    # Postgres's greatest passes over nulls.
    return func.greatest(succeeded, taken_back, Publication.created_at)


def drop_old_days(engine: Engine, retention: Retention) -> list[int]:
    """Take days out of the prediction table that are far older than the newest one.

    Returns:
        The publications dropped; their records stay, as superseded.
    """
    with engine.connect() as connection:
        before = _keep_from(connection, retention)
        if before is None:
            return []
        old = connection.execute(
            select(Publication.publication_id, Publication.score_date)
            .where(Publication.status == "published", Publication.score_date < before)
            .order_by(Publication.score_date)
        ).all()
    dropped = []
    reason = f"older than {retention.published_days} days: dropped by maintain_weekly"
    for publication_id, day in old:

        def decide(
            connection: Connection, found: Day, number: int = publication_id
        ) -> Change | None:
            shown = found.visible
            if shown is None or shown.publication_id != number:
                return None  # another version since: next week
            since = _keep_from(connection, retention)
            if since is None or found.day >= since:
                return None  # the newest day was withdrawn meanwhile
            return Change(visible=None, states={number: ("superseded", reason)}, drop=(number,))

        with day_lock(engine, day):
            if transition(engine, day, decide):
                dropped.append(publication_id)
    return dropped


def _keep_from(connection: Connection, retention: Retention) -> date | None:
    """The first day that is kept; None: all are. A day that isn't over yet makes none older."""
    newest = connection.scalar(
        select(func.max(Publication.score_date)).where(
            Publication.status == "published", Publication.score_date <= datetime.now(UTC).date()
        )
    )
    return newest and newest - timedelta(days=retention.published_days)


def drop_all_leftovers(engine: Engine) -> list[str]:
    """Drop what killed attempts left behind, on days that nobody publishes at the moment."""
    with engine.connect() as connection:
        days = connection.scalars(
            select(Publication.score_date).where(Publication.status == "rejected").distinct()
        ).all()
    dropped = []
    for day in days:
        try:
            with day_lock(engine, day, wait_ms=100):
                dropped += drop_leftovers(engine, day)
        except DBAPIError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
    return dropped


def drop_task_states(connection: Connection, retention: Retention, now: datetime) -> int:
    """Forget what tasks said that long ago."""
    before = now - timedelta(days=retention.lake_snapshot_days)
    gone = connection.execute(delete(TaskState).where(TaskState.changed_at < before))
    return int(gone.rowcount)
