"""Models of the configuration files, and their loader."""

from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from include.config.categories import RESERVED
from include.config.experiments import Experiments
from include.config.kubernetes import Kubernetes
from include.config.quality import Quality
from include.config.role_names import why_no_team
from include.config.strict import Name, Strict, unique
from include.errors import ConfigError
from include.settings import CONFIG, IS_PACKED, Settings

_Model = TypeVar("_Model", bound=Strict)
MAX_PROBLEMS = 5
"""Of a file, in an error; whoever mends them sees the next ones."""


class EventType(Strict):
    """One word of the event vocabulary; it becomes part of column names."""

    name: Name
    needs_listing: bool = True
    """Whether a row of this type without `listing_id` is refused."""
    is_exposure: bool = False
    """Whether it was done to the user, such as a mail: then no day becomes a visit by it."""


class Events(Strict):
    """`events.yaml`: the vocabulary, and when a row is plausible."""

    types: tuple[EventType, ...] = Field(min_length=1, max_length=20)
    max_lateness_days: int = Field(ge=0, le=400)
    """An event may arrive this many days after it happened; older ones are rejected."""
    duplicate_lookback_days: int = Field(ge=0, le=90)
    """An `event_id` accepted within this many days before is a duplicate."""

    @property
    def names(self) -> tuple[str, ...]:
        """The vocabulary, in the order of the file."""
        return tuple(kind.name for kind in self.types)

    @property
    def visit_names(self) -> tuple[str, ...]:
        """Types of what users do themselves, which make a day a visit."""
        return tuple(kind.name for kind in self.types if not kind.is_exposure)

    @model_validator(mode="after")
    def _somebody_does_something(self) -> "Events":
        if not self.visit_names:
            raise ValueError("is_exposure is true of all types: what do users do themselves?")
        return self


class Campaign(Strict):
    """One campaign: users are scored for how likely they react in its category."""

    campaign_id: Name
    category: str = Field(min_length=1)
    """Category of listings, spelt as in the data."""
    positive_event_types: tuple[Name, ...] = Field(min_length=1)
    """Events of these types in the category count as a reaction."""
    horizon_days: int = Field(ge=1, le=56)
    """A reaction within this many days after the snapshot date is a positive label."""
    holdout_share: float = Field(ge=0, lt=1)
    """Share of users held out of mailing, as the control arm, 0-1."""
    cooldown_days: int = Field(default=14, ge=0, le=365)
    """Whoever was mailed for it within this many days isn't in its audience."""
    owner_role: Name = "marketing"
    """Database role of the team whose campaign it is: only its members see the audience."""
    active: bool = True
    """Whether users are scored for it."""

    @field_validator("category")
    @classmethod
    def _is_a_category(cls, category: str) -> str:
        if category in RESERVED:
            raise ValueError(f"{category} stands for no category of listings")
        return category

    @field_validator("owner_role")
    @classmethod
    def _is_a_team(cls, name: str) -> str:
        if why := why_no_team(name):
            raise ValueError(f"{name} {why}")
        return name


class _Campaigns(Strict):
    campaigns: tuple[Campaign, ...] = Field(min_length=1)


class Retention(Strict):
    """How long things are kept, in days after they stopped being the newest."""

    published_days: int = Field(ge=1, le=4000)
    """Published days before the newest one that the prediction table holds."""
    superseded_days: int = Field(ge=1, le=400)
    """Versions that were replaced or taken back can be brought back for this long."""
    lake_snapshot_days: int = Field(ge=1, le=4000)
    """Lake snapshots are kept for this long; what a publication refers to can't be read after."""
    staged_days: int = Field(ge=1, le=400)
    """Staged files that nothing refers to are kept for this long, for a look at a failed gate."""
    receipts_days: int = Field(default=90, ge=1, le=4000)
    """Receipts and words of failure are kept for this long; tasks of older runs can't be cleared
    without their `build`."""
    docs_days: int = Field(default=90, ge=1, le=4000)
    """Data Docs are kept of what the newest days are made of, so many of them, and for this long of
    attempts that never passed their gate."""
    verdicts_days: int = Field(default=400, ge=1, le=4000)
    """Verdicts of audits are kept for this long in `analytics.quality_results`."""
    known_days: int = Field(default=28, ge=7, le=4000)
    """What was known on Sundays is kept for this long before the newest; of two always."""
    airflow_days: int = Field(default=90, ge=14, le=4000)
    """Airflow's own rows and logs, where `PROPENSITY_AIRFLOW_UPKEEP` says that they are ours."""

    @model_validator(mode="after")
    def _outlive_what_they_describe(self) -> "Retention":
        for name in ("receipts_days", "docs_days"):
            if getattr(self, name) < self.staged_days:
                raise ValueError(
                    f"{name} ({getattr(self, name)}) is less than staged_days "
                    f"({self.staged_days}): what waits at a gate would lose it"
                )
        if self.verdicts_days < self.docs_days:
            raise ValueError(
                f"verdicts_days ({self.verdicts_days}) is less than docs_days ({self.docs_days}): "
                "by the verdicts it is told which attempts passed"
            )
        return self


class Warehouse(Strict):
    """`warehouse.yaml`: what consumers of the prediction table may rely on."""

    due_after_hours: int = Field(ge=0, le=48)
    """Scores of a day are expected this many hours after its end."""
    reader_patience_s: int = Field(default=120, ge=1, le=1_800)
    """Readers who keep a publication waiting for longer than this are ended, in seconds."""
    retention: Retention


class PipelineConfig(Strict):
    """All configuration files together, checked against each other."""

    events: Events
    campaigns: tuple[Campaign, ...]
    experiments: Experiments
    quality: Quality
    warehouse: Warehouse

    @property
    def active_campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns that are scored."""
        return tuple(campaign for campaign in self.campaigns if campaign.active)

    @property
    def campaign_categories(self) -> tuple[str, ...]:
        """What the campaigns that are scored are about, each once, sorted."""
        return tuple(sorted({campaign.category for campaign in self.active_campaigns}))

    @property
    def horizon_days(self) -> int:
        """So long after a snapshot date its labels are complete, for every campaign."""
        return max(campaign.horizon_days for campaign in self.active_campaigns)


def load_config(settings: Settings) -> PipelineConfig:
    """Load and check the files that the settings name.

    Raises:
        ConfigError: A file is missing, isn't YAML, or a key is unknown, missing or out of range.
    """
    events = _load(settings.events, Events)
    campaigns = _load(settings.campaigns, _Campaigns).campaigns
    for campaign in campaigns:
        for kind in campaign.positive_event_types:
            if kind not in events.names:
                raise ConfigError(
                    f"{settings.campaigns}: campaign {campaign.campaign_id}: "
                    f"positive_event_types names {kind!r}, which {settings.events} doesn't list "
                    f"({', '.join(events.names)})"
                )
    try:
        unique("campaign_id", [campaign.campaign_id for campaign in campaigns])
    except ValueError as error:
        raise ConfigError(f"{settings.campaigns}: {error}") from None
    return PipelineConfig(
        events=events,
        campaigns=campaigns,
        experiments=_load(settings.experiments, Experiments),
        quality=_load(settings.quality, Quality),
        warehouse=_load(settings.warehouse, Warehouse),
    )


def load_kubernetes(settings: Settings) -> Kubernetes:
    """How training pods run; `PROPENSITY_TRAINING_IMAGE` wins over the file's image.

    Raises:
        ConfigError: As `load_config`.
    """
    loaded = _load(settings.kubernetes, Kubernetes)
    image = settings.training_image or loaded.image
    return loaded.model_copy(update={"image": image})


class _OnceEach(yaml.SafeLoader):
    """YAML whose keys are given once: of two, the last would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"key {', '.join(twice)} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _load(path: Path, model: type[_Model]) -> _Model:
    try:
        content: Any = yaml.load(_text_of(path), _OnceEach)
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: isn't YAML: {error}") from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = [
            f"key {'.'.join(str(part) for part in problem['loc']) or '(the file)'}: "
            f"{_said(problem['type'], problem['msg'], problem['input'])}"
            for problem in error.errors()
        ]
        more = len(problems) - MAX_PROBLEMS
        said = problems[:MAX_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        raise ConfigError(f"{path}: {'; '.join(said)}") from None


def _text_of(path: Path) -> str:
    if IS_PACKED and path.parent == CONFIG:
        return files("include.config").joinpath(path.name).read_text(encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _said(kind: str, message: str, given: Any) -> str:
    """What is wrong with a key, for whoever wrote it."""
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "string_type" and isinstance(given, bool | int | float | date):
        return (
            f"without quotes YAML reads it as the {type(given).__name__} {given}, not as a text: "
            "write it in quotes"
        )
    return message.removeprefix("Value error, ")
