"""Bring an earlier version of a day back, or withdraw the day; a rerun doesn't undo it silently."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, text, update

from include.database.engine import engine as warehouse_engine
from include.database.tables.predictions import Publication, Revert
from include.errors import PublishError
from include.predictions.publications import day_lock, set_state, swap, table_name, visible
from include.settings import settings

WITHDRAW = 0
"""In place of a publication's number: show nothing for the day."""


def holding(connection: Connection, day: date) -> Row[Any] | None:
    """The revert that keeps reruns from replacing a day, if there is one."""
    return connection.execute(
        select(Revert.__table__)
        .where(Revert.score_date == day, Revert.is_holding)
        .order_by(Revert.revert_id.desc())
        .limit(1)
    ).one_or_none()


def release(connection: Connection, day: date) -> None:
    """Let reruns replace a day again."""
    connection.execute(
        update(Revert).where(Revert.score_date == day, Revert.is_holding).values(is_holding=False)
    )


def revert(
    engine: Engine, day: date, publication_id: int | None, reason: str, reverted_by: str
) -> int | None:
    """Make an earlier version of a day visible again, in one transaction.

    Args:
        engine: The warehouse.
        day: The day.
        publication_id: The version to bring back; None: the newest one before the visible one;
            `WITHDRAW`: none, the day disappears.
        reason: Why; kept.
        reverted_by: Who asked for it; kept.

    Returns:
        The publication that is visible now; None where the day was withdrawn.

    Raises:
        PublishError: There is nothing to go back to; the text lists what there is.
    """
    if not reason.strip():
        raise PublishError(f"{day} was not reverted: say why in `reason`")
    with day_lock(engine, day):
        with engine.connect() as connection:
            before = visible(connection, day)
            to = _choose(connection, day, before, publication_id)
        before_id = before.publication_id if before else None
        if to == before_id:
            return to

        def record(connection: Connection) -> None:
            if before_id is not None:
                set_state(
                    connection, before_id, "reverted", f"taken back by {reverted_by}: {reason}"
                )
            if to is not None:
                set_state(connection, to, "published", f"brought back by {reverted_by}: {reason}")
            release(connection, day)
            connection.execute(
                insert(Revert).values(
                    score_date=day,
                    from_publication_id=before_id,
                    to_publication_id=to,
                    reason=reason,
                    reverted_by=reverted_by,
                    reverted_at=datetime.now(UTC),
                    is_holding=True,
                )
            )

        swap(engine, day, to, record)
    return to


def _choose(
    connection: Connection, day: date, before: Row[Any] | None, publication_id: int | None
) -> int | None:
    there = connection.execute(
        select(Publication.publication_id, Publication.status, Publication.model_version)
        .where(Publication.score_date == day, Publication.status != "rejected")
        .order_by(Publication.publication_id.desc())
    ).all()
    kept = [
        row
        for row in there
        if connection.scalar(
            text("select to_regclass(:name) is not null"), {"name": table_name(row.publication_id)}
        )
    ]
    if publication_id == WITHDRAW:
        if before is None:
            raise PublishError(f"{day} has no visible publication to withdraw")
        return None
    if publication_id is None:
        older = [
            row.publication_id
            for row in kept
            if row.status == "superseded"
            and (before is None or row.publication_id < before.publication_id)
        ]
        if older:
            return int(older[0])
    elif publication_id in [row.publication_id for row in kept]:
        return publication_id
    listed = ", ".join(f"{r.publication_id} ({r.status}, model {r.model_version})" for r in kept)
    wanted = "an earlier version" if publication_id is None else f"publication {publication_id}"
    raise PublishError(
        f"{day} can't be reverted to {wanted}: the versions kept are {listed or 'none'}. Give one "
        f"of them as publication_id, or {WITHDRAW} to withdraw the day"
    )


def revert_publication(params: Mapping[str, Any], reverted_by: str) -> int | None:
    """Bring an earlier version of a day back; returns the publication that is visible now."""
    day = date.fromisoformat(params["day"])
    shown = revert(
        warehouse_engine(settings()), day, params["publication_id"], params["reason"], reverted_by
    )
    print(f"[revert] {day} shows {f'publication {shown}' if shown else 'nothing'} now", flush=True)
    return shown
