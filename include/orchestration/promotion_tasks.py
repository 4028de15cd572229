"""Tasks around the champion: compare, ask a person, promote, and bring an earlier one back."""

from collections.abc import Mapping
from datetime import date
from typing import Any

PROMOTE, KEEP = "Promote", "Keep the champion"
"""What a person can answer."""


def compare(
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
    from include.config import load_config
    from include.settings import settings
    from include.training.compare import compare
    from include.warehouse.champions import history, record_comparison
    from include.warehouse.engine import engine

    day = date.fromisoformat(as_of)
    warehouse = engine(settings())
    found = compare(
        settings(), load_config(settings()), training_run, day, snapshot_id, history(warehouse),
        {one["experiment"]: one["image"] for one in images},
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
        comparison: What `compare` gave.
        answer: What a person answered; None where nobody is asked.

    Returns:
        Whether it is champion from the day on that it was trained through.
    """
    from include.settings import settings
    from include.training import registry, tracking
    from include.warehouse.champions import RULES, crown, record_outcome
    from include.warehouse.engine import engine

    version = comparison["version"]
    if not comparison["is_acceptable"]:
        print(f"[promote] version {version} isn't promoted: {comparison['summary']}", flush=True)
        return False
    who = RULES
    is_wanted = True
    if answer is not None:
        who = (answer.get("responded_by_user") or {}).get("name") or "nobody answered in time"
        is_wanted = list(answer["chosen_options"]) == [PROMOTE]
    with engine(settings()).begin() as connection:
        if is_wanted:
            from_date = date.fromisoformat(comparison["trained_through"])
            crown(connection, from_date, version, comparison["summary"], who, training_run)
        record_outcome(connection, training_run, "promoted" if is_wanted else "declined", who)
    client = tracking.connect(settings())
    if is_wanted:
        _point(client)
    verdict = "is champion" if is_wanted else "was declined"
    registry.describe(client, version, f"{comparison['summary']}; {verdict}, decided by {who}")
    print(f"[promote] version {version} {verdict}, decided by {who}", flush=True)
    return is_wanted


def rollback_model(params: Mapping[str, Any], dag_run: Any) -> str:
    """Make an earlier version champion again; returns it.

    Raises:
        NoModelError: There is no such version or none before; its files aren't those that were
            saved; or its features aren't the lake's.
    """
    from include.champions import champion_before, champion_on
    from include.config import load_config
    from include.contracts import propensity
    from include.errors import NoModelError
    from include.settings import settings
    from include.training import registry, tracking
    from include.training.prediction import read_model
    from include.warehouse.champions import crown, history
    from include.warehouse.engine import engine

    client = tracking.connect(settings())
    reigns = history(engine(settings()))
    now = champion_on(reigns, date.max)
    if now is None:
        raise NoModelError("there is no champion to roll back: nothing was promoted yet")
    wanted = params["version"]
    if not wanted:
        if now.is_rollback:
            # The one before it is the one that was taken back.
            raise NoModelError(
                f"version {now.version} was brought back itself: name the `version` that you want"
            )
        before = champion_before(reigns, now)
        if before is None:
            raise NoModelError(
                f"version {now.version} is the only champion there was: name a `version`, or "
                "train a better one (train_weekly)"
            )
        wanted = before.version
    version = registry.find(client, wanted, reigns)
    if version.version == now.version:
        raise NoModelError(f"version {wanted} is champion already; nothing was changed")
    from_date = date.fromisoformat(params["from_date"]) if params["from_date"] else now.from_date
    if version.trained_through > from_date:
        raise NoModelError(
            f"version {wanted} was trained through {version.trained_through}, so it can't be "
            f"champion from {from_date} on: it has seen later days. Give a later `from_date`"
        )
    # As scoring will tonight: better to be refused now.
    columns = propensity.features(load_config(settings()).events.names)
    read_model(version.uri).require_features([column.name for column in columns], "features.*")
    who = getattr(dag_run, "triggering_user_name", None) or f"run {dag_run.run_id}"
    with engine(settings()).begin() as connection:
        crown(connection, from_date, version.version, params["reason"], who)
    _point(client)
    print(
        f"[rollback] version {version.version} is champion from {from_date} on, in place of "
        f"{now.version}. Days that are published stay as they are: clear or backfill score_daily "
        "to score them again",
        flush=True,
    )
    return version.version


def _point(client: Any) -> None:
    """Let MLflow's alias follow the history."""
    from include.champions import champion_on
    from include.settings import settings
    from include.training import registry
    from include.warehouse.champions import history
    from include.warehouse.engine import engine

    now = champion_on(history(engine(settings())), date.max)
    if now is not None:
        registry.point_champion(client, now.version)
