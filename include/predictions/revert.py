"""Bring an earlier version of a day back, or withdraw the day; a rerun doesn't undo it silently."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from include.database.engine import engine as warehouse_engine
from include.database.tables.predictions import Revert
from include.errors import PublishError
from include.predictions.locks import day_lock
from include.predictions.transition import Change, Day, read_day, transition
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
    asked_at = datetime.now(UTC)

    def decide(connection: Connection, found: Day) -> Change | None:
        before = found.visible_id
        if _is_recorded(connection, day, reverted_by, asked_at):
            return None  # done already: the answer got lost
        to = _choose(found, publication_id)
        if to == before:
            return None
        states = {}
        if before is not None:
            states[before] = ("reverted", f"taken back by {reverted_by}: {reason}")
        if to is not None:
            states[to] = ("published", f"brought back by {reverted_by}: {reason}")

        def record(connection: Connection) -> None:
            release(connection, day)
            connection.execute(
                insert(Revert).values(
                    score_date=day,
                    from_publication_id=before,
                    to_publication_id=to,
                    reason=reason,
                    reverted_by=reverted_by,
                    reverted_at=asked_at,
                    is_holding=True,
                )
            )

        return Change(visible=to, states=states, also=record)

    with day_lock(engine, day):
        transition(engine, day, decide)
        with engine.connect() as connection:
            return read_day(connection, day).visible_id


def _is_recorded(connection: Connection, day: date, reverted_by: str, asked_at: datetime) -> bool:
    return bool(
        connection.scalar(
            select(Revert.revert_id).where(
                Revert.score_date == day,
                Revert.reverted_by == reverted_by,
                Revert.reverted_at == asked_at,
            )
        )
    )


def _choose(found: Day, publication_id: int | None) -> int | None:
    day, before = found.day, found.visible
    kept = [
        version
        for version in sorted(found.versions.values(), key=lambda v: v.publication_id, reverse=True)
        if version.has_table and version.status != "rejected"
    ]
    if publication_id == WITHDRAW:
        if before is None:
            raise PublishError(f"{day} has no visible publication to withdraw")
        return None
    if publication_id is None:
        older = [
            version.publication_id
            for version in kept
            if version.status == "superseded"
            and (before is None or version.publication_id < before.publication_id)
        ]
        if older:
            return older[0]
    elif publication_id in [version.publication_id for version in kept]:
        return publication_id
    listed = ", ".join(
        f"{v.publication_id} ({v.status}, model {v.row.model_version})" for v in kept
    )
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
