"""Take one user out of the warehouse: contact data at once, then every published version."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, text, update

from include.audience.contacts import forget_refused
from include.database.tables.audience import CampaignCohort, CampaignContact, Contact, Erasure
from include.database.tables.predictions import Publication
from include.database.upsert import upsert
from include.database.without_values import without_values
from include.predictions.checks import loaded_checksum
from include.predictions.publications import KEPT, day_lock, table_name

MASK = (1 << 64) - 1


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


def erase_predictions(engine: Engine, uri: str, user_id: int) -> dict[str, int]:
    """Delete a user's rows from every version of every day, published or kept beside.

    The row count and the checksum of each publication follow: without that, the next run of the
    day, which no longer scores the user, would look like new content.

    Args:
        engine: The warehouse.
        uri: The same, for ADBC.
        user_id: The user.

    Returns:
        Rows removed by table; tables without any are left out.
    """
    with engine.connect() as connection:
        publications = connection.execute(
            select(Publication.publication_id, Publication.score_date)
            .where(Publication.status.in_(KEPT))
            .order_by(Publication.publication_id)
        ).all()
    removed: dict[str, int] = {}
    for publication_id, day in publications:
        # One day at a time and under its lock: a publication that is being made is not yet ours.
        with day_lock(engine, day):
            if rows := _erase_publication(engine, uri, publication_id, user_id):
                removed[table_name(publication_id)] = rows
    with engine.begin() as connection:
        for model in (CampaignContact, CampaignCohort):
            gone = connection.execute(delete(model).where(model.user_id == user_id)).rowcount
            if gone:
                removed[f"{model.__table__.schema}.{model.__tablename__}"] = gone
    return removed


def _erase_publication(engine: Engine, uri: str, publication_id: int, user_id: int) -> int:
    name = table_name(publication_id)
    with engine.connect() as connection:
        there = connection.scalar(text("select to_regclass(:name) is not null"), {"name": name})
    if not there:
        return 0
    theirs = int(loaded_checksum(uri, publication_id, f"user_id = {int(user_id)}"), 16)
    with engine.begin() as connection:
        gone = connection.execute(
            text(f"delete from {name} where user_id = :user"),  # noqa: S608
            {"user": user_id},
        ).rowcount
        if gone:
            row: Any = connection.execute(
                select(Publication.checksum, Publication.row_count).where(
                    Publication.publication_id == publication_id
                )
            ).one()
            connection.execute(
                update(Publication)
                .where(Publication.publication_id == publication_id)
                .values(
                    checksum=f"{(int(row.checksum, 16) - theirs) & MASK:016x}",
                    row_count=row.row_count - gone,
                )
            )
    return int(gone)


def finish(connection: Connection, user_id: int, report: dict[str, Any]) -> None:
    """Store what was removed where."""
    connection.execute(
        update(Erasure)
        .where(Erasure.user_id == user_id)
        .values(finished_at=datetime.now(UTC), report=report)
    )
