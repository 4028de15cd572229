"""The registry of model versions in MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from include.errors import NoModelError
from include.models.promotion.champions import ChampionPeriod, champion_on
from include.models.tracking import FinishedRun

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


def update_champion_alias(client: MlflowClient, history: Sequence[ChampionPeriod]) -> None:
    """Let the alias follow the history of champions."""
    now = champion_on(history, date.max)
    if now is not None:
        client.set_registered_model_alias(MODEL, CHAMPION, now.version)


def versions(client: MlflowClient) -> list[Version]:
    """The versions that training registered, oldest first.

    Whoever else registers one in MLflow doesn't say through which day it was trained, so nobody can
    tell which days it may score: it is left out.
    """
    ensure_model(client)
    found = [
        Version(
            version=str(one.version),
            uri=str(one.source),
            trained_through=day,
            run_id=str(one.run_id),
        )
        for one in client.search_model_versions(f"name = '{MODEL}'")
        if (day := _day(one.tags.get(TRAINED_THROUGH))) is not None
    ]
    return sorted(found, key=lambda version: int(version.version))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def find(client: MlflowClient, wanted: str, history: Sequence[ChampionPeriod]) -> Version:
    """A version by its number.

    Raises:
        NoModelError: There is none; the text names those there are.
    """
    every = versions(client)
    for version in every:
        if version.version == wanted:
            return version
    raise NoModelError(
        f"there is no version {wanted!r} that train_weekly registered; there are: "
        f"{listed(every, history)}"
    )


def listed(every: Sequence[Version], history: Sequence[ChampionPeriod]) -> str:
    """All versions in words, for messages about the one that there isn't."""
    since = {period.version: period.from_date for period in history}
    return (
        "; ".join(
            f"version {v.version} trained through {v.trained_through} "
            f"({f'champion from {since[v.version]}' if v.version in since else 'never champion'})"
            for v in every
        )
        or "none at all"
    )
