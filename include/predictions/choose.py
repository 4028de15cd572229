"""Choose the model that scores a day."""

from collections.abc import Sequence
from datetime import date

from mlflow import MlflowClient

from include.database.engine import engine
from include.errors import NoModelError
from include.models import tracking
from include.models.promotion.champions import ChampionPeriod, champion_history, champion_on
from include.models.promotion.registry import Version, find, listed, versions
from include.settings import settings


def choose_model(day: str, policy: str) -> dict[str, str]:
    """The model that scores a day: its version, where it lies, and the policy that chose it."""
    client = tracking.connect(settings())
    periods = champion_history(engine(settings()))
    version = choose(client, policy, date.fromisoformat(day), periods)
    print(
        f"[choose] {day} is scored by version {version.version}, trained through "
        f"{version.trained_through} ({policy})",
        flush=True,
    )
    return {"version": version.version, "uri": version.uri, "policy": policy}


def choose(
    client: MlflowClient, policy: str, day: date, history: Sequence[ChampionPeriod]
) -> Version:
    """Which model scores a day.

    Args:
        client: The registry.
        policy: `as_of` (whoever was champion on the day, so trained only on data known by then),
            `champion` (whoever is champion now), or `pinned:<version>`.
        day: The data day.
        history: Who was champion from when on.

    Raises:
        NoModelError: None fits; the text names what there is.
    """
    if policy == "as_of":
        period = champion_on(history, day)
        if period is None:
            raise NoModelError(
                f"no model was champion on {day}; there are: "
                f"{listed(versions(client), history)}. Train as of an earlier day (train_weekly), "
                "or choose a version with model_policy=champion or pinned:<version>"
            )
        return find(client, period.version, history)
    if policy == "champion":
        now = champion_on(history, date.max)
        if now is None:
            raise NoModelError(
                f"there is no champion yet; there are: {listed(versions(client), history)}"
            )
        return find(client, now.version, history)
    kind, _, wanted = policy.partition(":")
    if kind == "pinned":
        return find(client, wanted, history)
    raise NoModelError(f"model_policy={policy!r} is none of as_of, champion, pinned:<version>")
