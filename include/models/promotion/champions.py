"""Which model version is champion on which day, and what was decided about each candidate.

The history is kept in `analytics.champions`; rows are only added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from include.database.tables.models import ChampionRow, ModelComparison, ModelDecision
from include.database.upsert import upsert

RULES = "the conditions in experiments.yaml"
"""Who decided, where no person was asked."""


@dataclass(frozen=True)
class ChampionPeriod:
    """One entry of the history: from a data day on, a version is champion."""

    champion_id: int
    """Later entries have higher numbers, and win where days are equal."""
    from_date: date
    version: str
    is_rollback: bool = False
    """Whether a person brought it back, rather than a training run."""


def champion_on(history: Sequence[ChampionPeriod], day: date) -> ChampionPeriod | None:
    """The entry that holds on a data day: of those that began by then, the newest.

    Example:
        Version 3 was trained later than version 2, but as of an earlier week:

        >>> history = [
        ...     ChampionPeriod(1, date(2026, 3, 1), "1"),
        ...     ChampionPeriod(2, date(2026, 3, 15), "2"),
        ...     ChampionPeriod(3, date(2026, 3, 8), "3"),
        ... ]
        >>> [champion_on(history, date(2026, 3, day)).version for day in (1, 7, 8, 14, 15, 31)]
        ['1', '1', '3', '3', '2', '2']
        >>> champion_on(history, date(2026, 2, 28)) is None
        True
    """
    begun = [period for period in history if period.from_date <= day]
    return max(begun, key=lambda period: (period.from_date, period.champion_id), default=None)


def champion_before(
    history: Sequence[ChampionPeriod], now: ChampionPeriod
) -> ChampionPeriod | None:
    """Whom a rollback brings back: the entry of another version that `now` took over from.

    Example:
        >>> history = [
        ...     ChampionPeriod(1, date(2026, 3, 1), "1"),
        ...     ChampionPeriod(2, date(2026, 3, 8), "2"),
        ...     ChampionPeriod(3, date(2026, 3, 15), "2"),
        ... ]
        >>> champion_before(history, history[2]).version
        '1'
        >>> champion_before(history, history[0]) is None
        True
    """
    earlier = [
        period
        for period in history
        if period.version != now.version
        and (period.from_date, period.champion_id) < (now.from_date, now.champion_id)
    ]
    return max(earlier, key=lambda period: (period.from_date, period.champion_id), default=None)


def first_day_of(trained_through: date, history: Sequence[ChampionPeriod]) -> date:
    """From which data day on a version is champion that is promoted after a day's training.

    The day after it: what it was trained through is scored by whoever is champion then, hours
    before the training, and a rerun must give the same. Where nobody is, it serves that day, too.

    Example:
        >>> first_day_of(date(2026, 3, 1), []).isoformat()
        '2026-03-01'
        >>> first_day_of(date(2026, 3, 8), [ChampionPeriod(1, date(2026, 3, 1), "1")]).isoformat()
        '2026-03-09'
    """
    has_champion = champion_on(history, trained_through) is not None
    return trained_through + timedelta(days=1) if has_champion else trained_through


def champion_history(engine: Engine) -> list[ChampionPeriod]:
    """All changes of champion, oldest first."""
    query = select(
        ChampionRow.champion_id, ChampionRow.from_date, ChampionRow.model_version,
        ChampionRow.training_run.is_(None),
    ).order_by(ChampionRow.champion_id)  # fmt: skip
    with engine.connect() as connection:
        return [ChampionPeriod(*row) for row in connection.execute(query)]


def add_champion(
    connection: Connection,
    from_date: date,
    version: str,
    reason: str,
    changed_by: str,
    training_run: str | None = None,
) -> None:
    """Add a champion to the history; a training run that promoted already adds nothing.

    Args:
        connection: Of the caller, who commits.
        from_date: First data day that it is champion of.
        version: In the registry.
        reason: Why; kept.
        changed_by: Who or what decided; kept.
        training_run: The run that promotes it; None where a person brings a version back.
    """
    connection.execute(
        insert(ChampionRow)
        .values(
            from_date=from_date,
            model_version=version,
            training_run=training_run,
            reason=reason,
            changed_by=changed_by,
            changed_at=datetime.now(UTC),
        )
        .on_conflict_do_nothing(
            index_elements=["training_run"],
            index_where=ChampionRow.training_run.is_not(None),
        )
    )


def record_comparison(
    connection: Connection, rows: list[dict[str, Any]], decision: dict[str, Any]
) -> None:
    """Store a comparison's figures and the decision that they lead to, before anybody is asked.

    A run that promoted keeps the decision that it promoted by, however often it is repeated.
    """
    upsert(connection, ModelComparison, rows)
    outcome = "objections" if decision["objections"] else "undecided"
    stamp = {"outcome": outcome, "decided_by": RULES, "decided_at": datetime.now(UTC)}
    statement = insert(ModelDecision).values(decision | stamp)
    changes = (decision | stamp).keys() - {"training_run"}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["training_run"],
            set_={name: statement.excluded[name] for name in changes},
            where=ModelDecision.outcome != "promoted",
        )
    )


def record_outcome(
    connection: Connection, training_run: str, outcome: str, decided_by: str
) -> None:
    """Note what came of a candidate that met every condition."""
    decided = connection.execute(
        update(ModelDecision)
        .where(ModelDecision.training_run == training_run)
        .values(outcome=outcome, decided_by=decided_by, decided_at=datetime.now(UTC))
        .returning(ModelDecision.as_of_date, ModelDecision.experiment)
    ).one()
    connection.execute(
        update(ModelComparison)
        .where(
            ModelComparison.as_of_date == decided.as_of_date,
            ModelComparison.experiment == decided.experiment,
        )
        .values(is_promoted=outcome == "promoted")
    )
