"""The one place where environment variables become settings.

Every setting has a default that works on a laptop (the *embedded* default). A variable that starts
with `PROPENSITY_` and is not a setting is an error: a misspelt variable must not be ignored.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from include.errors import SettingsError
from include.locations import wrong_with_location

PREFIX = "PROPENSITY_"
IS_PACKED = not Path(__file__).exists()
"""Whether this runs from the zip of `make spark-package`, where no path leads to a file."""
PROJECT = Path.cwd() if IS_PACKED else Path(__file__).resolve().parents[1]
CONFIG = Path(__file__).resolve().parent / "config"
EMBEDDED_ARM_KEY = "embedded-default-key"


class Settings(BaseSettings):
    """Where things are. Read from `PROPENSITY_<NAME>`; relative paths start at the project."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = PROJECT / ".local"
    """State of the embedded default: Postgres, Airflow, MLflow; unless set, lake and landing."""
    landing: str = ""
    """Landing zone, a folder or a URI of an object store; empty: `<home>/landing`."""
    lake: str = ""
    """Lake, a folder or a URI of an object store; empty: `<home>/lake`."""
    artifacts: str = ""
    """Where MLflow keeps models, a folder or a URI of an object store; empty:
    `<home>/mlflow/artifacts`. Chosen before the first training; the server's own affair where
    `mlflow_tracking_uri` is set."""
    postgres_url: SecretStr = SecretStr("")
    """A Postgres server, `postgresql://host:port`; empty: the embedded one. Set-up alone needs a
    user in it who may make roles (`postgresql://user:password@host:port`)."""
    catalog_properties: str = Field(default="", repr=False)
    """PyIceberg catalog properties as JSON (`{"type": "rest", "uri": …}`); empty: SQL catalog."""
    mlflow_tracking_uri: str = Field(default="", repr=False)
    """An MLflow server; empty: MLflow's own database on Postgres and artifacts under `<home>`."""
    data_docs: Path | None = None
    """Folder of Great Expectations' Data Docs; empty: `<home>/data_docs`."""

    campaigns: Path = CONFIG / "campaigns.yaml"
    """Which campaigns there are."""
    events: Path = CONFIG / "events.yaml"
    """The vocabulary of events, and the bounds within which a row is plausible."""
    experiments: Path = CONFIG / "experiments.yaml"
    """What the training tries, and when a model may become champion."""
    quality: Path = CONFIG / "quality.yaml"
    """How much of a day may be rejected, repeated, late or unknown before it isn't published."""
    warehouse: Path = CONFIG / "warehouse.yaml"
    """When predictions are due, and how long things are kept."""

    training: Literal["subprocess", "kubernetes"] = "subprocess"
    """Where experiments are fitted: in a subprocess of the Airflow task, or in a pod each."""
    approval: bool = False
    """Whether a person is asked in Airflow's UI before a model becomes champion."""
    kubernetes: Path = CONFIG / "kubernetes.yaml"
    """How training pods run."""
    training_image: str = ""
    """Image of training pods; empty: the one that `kubernetes.yaml` names."""

    pipeline_password: SecretStr = SecretStr("")
    """Password of the login `pipeline`; needed where `postgres_url` is set."""
    analyst_password: SecretStr = SecretStr("")
    """Password of `analyst_login`, for what reads on behalf of analysts; empty: it has none."""
    marketing_password: SecretStr = SecretStr("")
    """Password of `marketing_login`, for the mailing system; empty: it has none."""
    lake_password: SecretStr = SecretStr("")
    """Password of `lake_catalog`, which owns the lake's catalog; needed by Spark and training."""
    mlflow_password: SecretStr = SecretStr("")
    """Password of `mlflow`; needed where `postgres_url` is set and `mlflow_tracking_uri` isn't."""
    airflow_password: SecretStr = SecretStr("")
    """Password of `airflow`; needed by Airflow alone."""

    time_zone: str = "UTC"
    """Where a data day ends at midnight, such as `America/Sao_Paulo`. Chosen before the first day
    is loaded: what is there is days of that zone."""
    arm_key: SecretStr = SecretStr(EMBEDDED_ARM_KEY)
    """Key of the hash that splits treatment from holdout. Set your own, keep it secret."""
    spark_engine: Literal["sail", "spark"] = "sail"
    """What runs Spark's jobs: Sail, which speaks Spark's language, on the task's own machine; or
    Apache Spark, submitted to the Airflow connection `spark_default`."""
    spark_master: str = "local[*]"
    """Master of the Airflow connection `spark_default` in the embedded default."""
    spark_driver_memory: str = Field(default="4g", pattern=r"^\d+[gm]$")
    """What Spark may take on one machine: the heap of a driver, which in `local[*]` is all of it;
    or what Sail's queries hold before they go on in temporary files."""
    spark_properties: Path | None = None
    """Properties file for `spark-submit`; empty: the one that set-up writes below `<home>`."""
    spark_event_log: str = ""
    """Where Apache Spark logs what its applications did, a folder or a URI; empty: nowhere. `make
    spark-history` shows it."""
    landing_deadline_hours: int = Field(default=12, ge=1, le=240)
    """How long `lake_daily` waits for `_SUCCESS`, in hours."""
    catch_up_days: int = Field(default=14, ge=0, le=365)
    """After an outage of the scheduler, `lake_daily` makes up for at most this many days."""
    airflow_upkeep: bool = False
    """Whether `maintain_weekly` also deletes old rows and logs of Airflow itself. For the embedded
    default, which sets it; an Airflow of your own has rules of its own."""
    ui_port: int = Field(default=8080, ge=1024, le=65535)
    """Port of Airflow's UI on localhost."""

    @property
    def spark_memory_bytes(self) -> int:
        """`spark_driver_memory` in bytes."""
        number, unit = self.spark_driver_memory[:-1], self.spark_driver_memory[-1]
        return int(number) << {"m": 20, "g": 30}[unit]

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("it is no time zone of the IANA database, such as Europe/Berlin")
        return name

    @field_validator("home")
    @classmethod
    def _is_plain(cls, home: Path) -> Path:
        if wrong := wrong_with_location(str(home)):
            raise ValueError(wrong)
        return home

    @field_validator("landing", "lake", "artifacts", "spark_event_log")
    @classmethod
    def _is_location(cls, location: str) -> str:
        if wrong := wrong_with_location(location):
            raise ValueError(wrong)
        return location

    @property
    def landing_uri(self) -> str:
        """The landing zone as a path or URI without a slash at the end."""
        return _location(self.landing, self.home / "landing")

    @property
    def lake_uri(self) -> str:
        """The lake as a path or URI without a slash at the end."""
        return _location(self.lake, self.home / "lake")

    @property
    def artifacts_uri(self) -> str:
        """Folder of MLflow's artifacts as a URI without a slash at the end."""
        return uri_of(_location(self.artifacts, self.home / "mlflow" / "artifacts"))

    @property
    def spark_event_log_uri(self) -> str:
        """Folder of Apache Spark's event logs as a URI; empty where there are none."""
        return uri_of(_location(self.spark_event_log, self.home)) if self.spark_event_log else ""

    def catalog_options(self) -> dict[str, str]:
        """PyIceberg's catalog properties; empty for the SQL catalog on Postgres.

        Raises:
            SettingsError: The setting isn't a JSON object of texts.
        """
        try:
            options = json.loads(self.catalog_properties or "{}")
        except ValueError as error:
            raise SettingsError(f"{PREFIX}CATALOG_PROPERTIES is not JSON: {error}") from None
        if not isinstance(options, dict):
            raise SettingsError(f"{PREFIX}CATALOG_PROPERTIES is not a JSON object")
        return {str(key): str(value) for key, value in options.items()}

    @property
    def spark_properties_path(self) -> Path:
        """What Spark applications are submitted with."""
        return self.spark_properties or self.home / "spark" / "spark.properties"

    @property
    def data_docs_path(self) -> Path:
        """Folder of the Data Docs, one folder a job run below it."""
        return self.data_docs or self.home / "data_docs"


def check_arm_key(settings: Settings) -> str:
    """The key of the arms, for whoever deals users into them.

    Raises:
        SettingsError: It is the one that everybody can read here, on a server of one's own.
    """
    key = settings.arm_key.get_secret_value()
    if settings.postgres_url.get_secret_value() and key in ("", EMBEDDED_ARM_KEY):
        raise SettingsError(
            f"{PREFIX}ARM_KEY isn't set: with {PREFIX}POSTGRES_URL, arms need a key of your own, "
            "since whoever knows the key knows who is in control. Keep it: another key deals anew"
        )
    return key


def uri_of(location: str) -> str:
    """A path as a `file://` URI; a URI as it is."""
    return location if "://" in location else f"file://{location}"


def _location(value: str, default: Path) -> str:
    text = value.rstrip("/") or str(default)
    return text if "://" in text else str((PROJECT / text).resolve())


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: A `PROPENSITY_` variable is not a setting, or has a value out of range.
    """
    return load_settings(os.environ)


def load_settings(environ: "os._Environ[str] | dict[str, str]") -> Settings:
    """Check the `PROPENSITY_` variables of `environ` and build the settings from them."""
    names = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    given = {key for key in environ if key.startswith(PREFIX)}
    if unknown := sorted(given - names):
        raise SettingsError(
            f"{', '.join(unknown)} is set but is not a setting; the settings are "
            f"{', '.join(sorted(names))}"
        )
    values = {key.removeprefix(PREFIX).lower(): environ[key] for key in given}
    try:
        built = Settings.model_validate_strings(values)
        built.catalog_options()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        name = f"{PREFIX}{field}".upper()
        shown = Settings.model_fields[field]
        # An address may hold a password where it should not.
        is_secret = shown.annotation is SecretStr or not shown.repr or "@" in str(first["input"])
        said = "" if is_secret else f"={first['input']!r}"
        raise SettingsError(f"{name}{said} can't be used: {first['msg']}") from None
    anchored = {
        key: (PROJECT / value).resolve()
        for key, field in Settings.model_fields.items()
        if field.annotation in (Path, Path | None) and (value := getattr(built, key)) is not None
    }
    return built.model_copy(update=anchored)
