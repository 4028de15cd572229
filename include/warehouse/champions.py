"""The history of champions, and what was decided about each candidate."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from include.champions import Reign
from include.warehouse.training_models import ChampionRow, ModelComparison, ModelDecision
from include.warehouse.upsert import upsert

RULES = "the conditions in experiments.yaml"


def history(engine: Engine) -> list[Reign]:
    """All changes of champion, oldest first."""
    query = select(
        ChampionRow.champion_id, ChampionRow.from_date, ChampionRow.model_version,
        ChampionRow.training_run.is_(None),
    ).order_by(ChampionRow.champion_id)  # fmt: skip
    with engine.connect() as connection:
        return [Reign(*row) for row in connection.execute(query)]


def crown(
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
    """Store a comparison's figures and the decision that they lead to, before anybody is asked."""
    upsert(connection, ModelComparison, rows)
    outcome = "objections" if decision["objections"] else "undecided"
    stamp = {"outcome": outcome, "decided_by": RULES, "decided_at": datetime.now(UTC)}
    upsert(connection, ModelDecision, [decision | stamp])


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
