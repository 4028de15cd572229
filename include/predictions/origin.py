"""Where one published score comes from: its publication, its model, and what the lake still holds.

Read as `analyst`, which may see every score and no contact data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select

from include.config import load_config
from include.contracts import lake_tables
from include.contracts.core import ERASED_USERS
from include.contracts.known import KNOWN
from include.contracts.propensity import SCORES
from include.database.engine import engine
from include.database.tables.lake import LakePartition
from include.database.tables.predictions import (
    CampaignPropensity,
    CampaignRow,
    Publication,
    Revert,
)
from include.days import Days
from include.errors import PipelineError
from include.lake.erasure import erased_users
from include.lake.ledger import partitions
from include.lake.publish import lineage_of
from include.lake.tables import Lake, Pin
from include.models import tracking
from include.models.promotion.champions import champion_history
from include.models.promotion.registry import find
from include.settings import Settings

USERS = "core.users"
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Asked:
    """A score: a user's for a campaign on a day."""

    day: date
    campaign_id: str
    user_id: int


@dataclass(frozen=True, kw_only=True)
class Input:
    """A lake table that a score was made from."""

    table: str
    days: Days
    """Its partitions that were read."""
    snapshot_id: int | None
    """The snapshot that was read; None: the publication doesn't say."""
    is_kept: bool
    """Whether that snapshot can still be read."""
    is_replaced: bool
    """Whether its partitions are others by now, or may be, where the snapshot is gone."""
    built_since: tuple[LakePartition, ...]
    """What the ledger says of partitions that were built again since, oldest first."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a score comes from."""

    row: Row[Any]
    """Of the prediction table."""
    publication: Row[Any]
    inputs: tuple[Input, ...]
    pins: Mapping[str, Pin]
    """By table, the snapshot to compute it from again: the one of then, or else the current one."""


def asked_for(text: str) -> Asked:
    """The score that a text names: its day, campaign and user.

    Raises:
        PipelineError: It names none.

    Example:
        >>> asked_for("2017-12-26 coffee 1234")
        Asked(day=datetime.date(2017, 12, 26), campaign_id='coffee', user_id=1234)
    """
    try:
        day, campaign_id, user_id = text.split()
        found = Asked(date.fromisoformat(day), campaign_id, int(user_id))
        if not found.campaign_id.isprintable() or not -LARGEST_ID <= found.user_id <= LARGEST_ID:
            raise ValueError("no such campaign or user can be")
        return found
    except ValueError:
        raise PipelineError(
            f"SCORE={text!r} doesn't name a score: give day, campaign and user, as in "
            'make explain SCORE="2017-12-24 coffee 1467"'
        ) from None


def origin_of(settings: Settings, asked: Asked) -> Origin:
    """Where a score comes from.

    Raises:
        PipelineError: It isn't published; the text says why.
    """
    lake = Lake(settings)
    if asked.user_id in erased_users(lake):
        raise PipelineError(
            f"user {asked.user_id} was erased: no score and no feature of theirs is kept, so there "
            "is nothing to explain"
        )
    scores = CampaignPropensity.__table__
    with engine(settings, "analyst").connect() as connection:
        row = connection.execute(
            select(scores).where(
                scores.c.score_date == asked.day,
                scores.c.campaign_id == asked.campaign_id,
                scores.c.user_id == asked.user_id,
            )
        ).one_or_none()
        if row is None:
            raise PipelineError(_why_none(connection, asked))
        publication = connection.execute(
            select(Publication.__table__).where(Publication.publication_id == row.publication_id)
        ).one()
        since = publication.scores_begun_at or publication.created_at
        inputs = _inputs(connection, lake, settings, publication, since)
    return Origin(
        row=row,
        publication=publication,
        inputs=inputs,
        pins=_pins(lake, settings, publication, inputs),
    )


def model_uri(settings: Settings, version: str) -> str:
    """Where a model version's files are.

    Raises:
        NoModelError: The registry doesn't know it.
    """
    history = champion_history(engine(settings, "analyst"))
    return find(tracking.connect(settings), version, history).uri


def _inputs(
    connection: Connection, lake: Lake, settings: Settings, publication: Row[Any], since: datetime
) -> tuple[Input, ...]:
    config = load_config(settings)
    contracts = lake_tables(config.events.names)
    day, found = publication.score_date, []
    for reads in lineage_of(config):
        if reads.table_name != SCORES.name:
            continue
        contract, days = contracts[reads.input_table], reads.reach(day, day)
        snapshot_id = publication.lake_snapshots.get(contract.name)
        is_kept = snapshot_id is not None and lake.holds(contract, snapshot_id)
        known = partitions(connection, contract.name, days)
        built = tuple(known[one] for one in sorted(known) if known[one].committed_at > since)
        is_replaced = (
            lake.files(contract, days, snapshot_id) != lake.files(contract, days)
            if is_kept
            else bool(built)
        )
        found.append(
            Input(
                table=contract.name,
                days=days,
                snapshot_id=snapshot_id,
                is_kept=is_kept,
                is_replaced=is_replaced,
                built_since=built,
            )
        )
    return tuple(found)


def _pins(
    lake: Lake, settings: Settings, publication: Row[Any], inputs: tuple[Input, ...]
) -> dict[str, Pin]:
    contracts = lake_tables(load_config(settings).events.names)
    pins = {
        one.table: Pin(one.snapshot_id, 0) if one.is_kept else lake.pin(contracts[one.table])
        for one in inputs
    }
    # What was known belongs to its arrivals: both as they were, or both as they are.
    known = KNOWN[USERS]
    if next(one.is_kept for one in inputs if one.table == USERS):
        snapshot_id = publication.lake_snapshots.get(known.name)
        is_kept = snapshot_id is not None and lake.holds(known, snapshot_id)
        pins[known.name] = Pin(snapshot_id if is_kept else None, 0)
    else:
        pins[known.name] = lake.pin(known)
    return pins | {ERASED_USERS.name: lake.pin(ERASED_USERS)}


def _why_none(connection: Connection, asked: Asked) -> str:
    """Why there is no such row, for the person who asked for it."""
    mine = select(Publication.__table__).where(Publication.score_date == asked.day)
    attempts = connection.execute(mine.order_by(Publication.publication_id)).all()
    shown = [one for one in attempts if one.status == "published"]
    if not shown:
        return _why_no_day(connection, asked.day, attempts)
    scores = CampaignPropensity.__table__
    has_rows = exists().where(
        scores.c.score_date == asked.day, scores.c.campaign_id == CampaignRow.campaign_id
    )
    campaigns = connection.scalars(
        select(CampaignRow.campaign_id).where(has_rows).order_by(CampaignRow.campaign_id)
    ).all()
    number = shown[0].publication_id
    if asked.campaign_id not in campaigns:
        return (
            f"publication {number} of {asked.day} has no campaign {asked.campaign_id}; it has: "
            f"{', '.join(campaigns)}"
        )
    return (
        f"publication {number} of {asked.day} has no user {asked.user_id}: they weren't known by "
        "the end of that day (core.users)"
    )


def _why_no_day(connection: Connection, day: date, attempts: Sequence[Row[Any]]) -> str:
    if not attempts:
        first, last = connection.execute(
            select(func.min(Publication.score_date), func.max(Publication.score_date)).where(
                Publication.status == "published"
            )
        ).one()
        days = f"published days reach from {first} to {last}" if first else "no day is published"
        return f"nobody has tried to publish scores of {day}; {days}"
    said = "; ".join(f"{one.publication_id} is {one.status} ({one.reason})" for one in attempts)
    undone = connection.execute(
        select(Revert.__table__)
        .where(Revert.score_date == day)
        .order_by(Revert.revert_id.desc())
        .limit(1)
    ).one_or_none()
    if undone is not None and undone.to_publication_id is None:
        return (
            f"scores of {day} were withdrawn by {undone.reverted_by} at "
            f"{undone.reverted_at:%Y-%m-%d %H:%M} UTC ({undone.reason}). Its publications: {said}"
        )
    return f"no scores of {day} are visible. Its publications: {said}"
