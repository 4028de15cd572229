"""Bring an earlier champion back."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from include.config import load_config
from include.contracts import propensity
from include.database.engine import engine
from include.errors import NoModelError
from include.models import tracking
from include.models.prediction import read_model
from include.models.promotion import registry
from include.models.promotion.champions import (
    add_champion,
    champion_before,
    champion_history,
    champion_on,
)
from include.settings import settings


def rollback_model(params: Mapping[str, Any], changed_by: str) -> str:
    """Make an earlier version champion again; returns it.

    Args:
        params: `version` (None: the champion before this one), `from_date` (first data day; None:
            since when the present champion is one) and `reason`.
        changed_by: Who asked for it; kept.

    Raises:
        NoModelError: There is no such version or none before; its files aren't those that were
            saved; or its features aren't the lake's.
    """
    client = tracking.connect(settings())
    periods = champion_history(engine(settings()))
    now = champion_on(periods, date.max)
    if now is None:
        raise NoModelError("there is no champion to roll back: nothing was promoted yet")
    wanted = params["version"]
    if not wanted:
        if now.is_rollback:
            # The one before it is the one that was taken back.
            raise NoModelError(
                f"version {now.version} was brought back itself: name the `version` that you want"
            )
        before = champion_before(periods, now)
        if before is None:
            raise NoModelError(
                f"version {now.version} is the only champion there was: name a `version`, or "
                "train a better one (train_weekly)"
            )
        wanted = before.version
    version = registry.find(client, wanted, periods)
    if version.version == now.version:
        raise NoModelError(f"version {wanted} is champion already; nothing was changed")
    from_date = date.fromisoformat(params["from_date"]) if params["from_date"] else now.from_date
    if version.trained_through > from_date:
        raise NoModelError(
            f"version {wanted} was trained through {version.trained_through}, so it can't be "
            f"champion from {from_date} on: it has seen later days. Give a later `from_date`"
        )
    # As scoring will tonight: better to be refused now.
    events = load_config(settings()).events
    columns = propensity.features(events.names, events.visit_names)
    read_model(version.uri).require_features(columns, "features.*")
    with engine(settings()).begin() as connection:
        add_champion(connection, from_date, version.version, params["reason"], changed_by)
    registry.update_champion_alias(client, champion_history(engine(settings())))
    print(
        f"[rollback] version {version.version} is champion from {from_date} on, in place of "
        f"{now.version}. Days that are published stay as they are: clear or backfill score_daily "
        "to score them again",
        flush=True,
    )
    return version.version
