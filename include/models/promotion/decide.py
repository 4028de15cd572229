"""The last steps of a training run: compare and record, then promote or not."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from include.config import load_config
from include.database.engine import engine
from include.models import tracking
from include.models.promotion import registry
from include.models.promotion.answers import PROMOTE
from include.models.promotion.champions import (
    RULES,
    add_champion,
    champion_history,
    first_day_of,
    record_comparison,
    record_outcome,
)
from include.models.promotion.compare import compare
from include.settings import settings


def compare_and_record(
    training_run: str, as_of: str, snapshot_id: int, images: list[dict[str, str]]
) -> dict[str, Any]:
    """Compare what finished, register the best, and store figures and objections.

    Args:
        training_run: Names the run.
        as_of: The training day.
        snapshot_id: Of the examples.
        images: What each pod ran: `experiment` and `image`; empty where fits are subprocesses.

    Returns:
        What the tasks after it need: version, whether anything stands against it, a summary.
    """
    day = date.fromisoformat(as_of)
    warehouse = engine(settings())
    found = compare(
        settings(), load_config(settings()), training_run, day, snapshot_id,
        champion_history(warehouse), {one["experiment"]: one["image"] for one in images},
    )  # fmt: skip
    decision = {
        "training_run": training_run, "as_of_date": day, "experiment": found.experiment,
        "model_version": found.version, "champion_version": found.champion,
        "objections": found.objections, "summary": found.summary, "figures": found.figures,
        "model_card": found.card,
    }  # fmt: skip
    with warehouse.begin() as connection:
        record_comparison(connection, found.rows, decision)
    print(f"[compare] version {found.version}: {found.summary}", flush=True)
    print(f"[compare] model card: {found.card}", flush=True)
    return {
        "version": found.version,
        "is_acceptable": not found.objections,
        "trained_through": f"{found.trained_through}",
        "summary": found.summary,
        "card": found.card,
    }


def promote(
    training_run: str, comparison: Mapping[str, Any], answer: Mapping[str, Any] | None
) -> bool:
    """Make the candidate champion, unless something stands against it or a person said no.

    Args:
        training_run: Names the run; promotes once, however often it is repeated.
        comparison: What `compare_and_record` gave.
        answer: What a person answered; None where nobody is asked.

    Returns:
        Whether it is champion, from the day on that `first_day_of` says.
    """
    version = comparison["version"]
    if not comparison["is_acceptable"]:
        print(f"[promote] version {version} isn't promoted: {comparison['summary']}", flush=True)
        return False
    who = RULES
    is_wanted = True
    if answer is not None:
        who = (answer.get("responded_by_user") or {}).get("name") or "nobody answered in time"
        is_wanted = list(answer["chosen_options"]) == [PROMOTE]
    trained_through = date.fromisoformat(comparison["trained_through"])
    from_date = first_day_of(trained_through, champion_history(engine(settings())))
    with engine(settings()).begin() as connection:
        if is_wanted:
            add_champion(connection, from_date, version, comparison["summary"], who, training_run)
        record_outcome(connection, training_run, "promoted" if is_wanted else "declined", who)
    client = tracking.connect(settings())
    if is_wanted:
        registry.update_champion_alias(client, champion_history(engine(settings())))
    verdict = "is champion" if is_wanted else "was declined"
    registry.describe(client, version, f"{comparison['summary']}; {verdict}, decided by {who}")
    print(f"[promote] version {version} {verdict}, decided by {who}", flush=True)
    return is_wanted
