"""The registry of model versions in MLflow, and which of them scores a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from include.champions import Reign, champion_on
from include.errors import NoModelError
from include.training.tracking import FinishedRun

MODEL = "campaign_propensity"
CHAMPION = "champion"
"""Alias of the version that is champion now, for people who look at MLflow."""

# Tags of a version.
TRAINED_THROUGH = "trained_through"
EXPERIMENT = "experiment"
DECISION = "decision"
IMAGE = "image"


@dataclass(frozen=True)
class Version:
    """A registered model version."""

    version: str
    uri: str
    trained_through: date
    run_id: str


def ensure_model(client: MlflowClient) -> None:
    """Make the registered model where it is missing."""
    try:
        client.get_registered_model(MODEL)
    except MlflowException:
        try:
            client.create_registered_model(MODEL)
        except MlflowException as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error.error_code):
                raise


def register(
    client: MlflowClient, run: FinishedRun, trained_through: date, image: str = ""
) -> Version:
    """Register a run's model; a run that is registered already keeps its version."""
    ensure_model(client)
    for known in versions(client):
        if known.run_id == run.run_id:
            return known
    made = client.create_model_version(
        MODEL,
        source=run.uri,
        run_id=run.run_id,
        tags={
            TRAINED_THROUGH: trained_through.isoformat(),
            EXPERIMENT: run.experiment,
            **({IMAGE: image} if image else {}),
        },
    )
    return Version(str(made.version), run.uri, trained_through, run.run_id)


def describe(client: MlflowClient, version: str, decision: str) -> None:
    """Note what was decided about a version, where people look for it."""
    client.update_model_version(MODEL, version, description=decision)


def point_champion(client: MlflowClient, version: str) -> None:
    """Let the alias follow the history of champions."""
    client.set_registered_model_alias(MODEL, CHAMPION, version)


def versions(client: MlflowClient) -> list[Version]:
    """All registered versions, oldest first."""
    ensure_model(client)
    found = [
        Version(
            version=str(one.version),
            uri=str(one.source),
            trained_through=date.fromisoformat(one.tags[TRAINED_THROUGH]),
            run_id=str(one.run_id),
        )
        for one in client.search_model_versions(f"name = '{MODEL}'")
    ]
    return sorted(found, key=lambda version: int(version.version))


def find(client: MlflowClient, wanted: str, history: Sequence[Reign]) -> Version:
    """A version by its number.

    Raises:
        NoModelError: There is none; the text names those there are.
    """
    every = versions(client)
    for version in every:
        if version.version == wanted:
            return version
    raise NoModelError(f"there is no version {wanted!r}; there are: {_listed(every, history)}")


def choose(client: MlflowClient, policy: str, day: date, history: Sequence[Reign]) -> Version:
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
        reign = champion_on(history, day)
        if reign is None:
            raise NoModelError(
                f"no model was champion on {day}; there are: "
                f"{_listed(versions(client), history)}. Train as of an earlier day (train_weekly), "
                "or choose a version with model_policy=champion or pinned:<version>"
            )
        return find(client, reign.version, history)
    if policy == "champion":
        now = champion_on(history, date.max)
        if now is None:
            raise NoModelError(
                f"there is no champion yet; there are: {_listed(versions(client), history)}"
            )
        return find(client, now.version, history)
    kind, _, wanted = policy.partition(":")
    if kind == "pinned":
        return find(client, wanted, history)
    raise NoModelError(f"model_policy={policy!r} is none of as_of, champion, pinned:<version>")


def _listed(every: Sequence[Version], history: Sequence[Reign]) -> str:
    since = {reign.version: reign.from_date for reign in history}
    return (
        "; ".join(
            f"version {v.version} trained through {v.trained_through} "
            f"({f'champion from {since[v.version]}' if v.version in since else 'never champion'})"
            for v in every
        )
        or "none at all"
    )
