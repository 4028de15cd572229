"""Real parts for all tests: one Postgres, one Spark session, a lake and databases of their own."""

import gc
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import hypothesis
import pytest
from pyspark.sql import SparkSession
from sqlalchemy import text

ENGINE = "PROPENSITY_SPARK_ENGINE"
"""The one setting that tests do take from whoever starts them: `make test ENGINE=...`."""
MANY_CONNECTIONS = 20
"""Of the 100 that the server takes, some of them from certain logins only."""
PREFIXES = ("PROPENSITY_", "AIRFLOW", "MLFLOW")

# Tests must not see the settings of the laptop they run on; tests/acceptance asks for them back.
LAPTOP = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith(PREFIXES)}
if ENGINE in LAPTOP:
    os.environ[ENGINE] = LAPTOP[ENGINE]
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="propensity-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from include.config import load_config
from include.contracts import Table, lake_tables
from include.database.address import Role
from include.database.base import SCHEMAS
from include.database.engine import engine
from include.database.migrate import migrate
from include.database.roles import create_team_roles
from include.embedded.postgres import start_postgres, stop_postgres
from include.predictions.campaigns import copy_config
from include.settings import Settings, load_settings, settings
from spark_jobs.session import spark_session

# How fast an example is depends on what else the machine does: `make bench` has the figures.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="module")
def laptop() -> Iterator[None]:
    """The settings that pytest was started with, for as long as a module runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(PREFIXES)]:
            patch.delenv(name)
        for name, value in LAPTOP.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ.setdefault(
        "PYSPARK_SUBMIT_ARGS",
        "--master local[2] --driver-memory 2g --conf spark.sql.shuffle.partitions=2 pyspark-shell",
    )
    session = spark_session("tests")
    if settings().spark_engine == "spark":
        session.sparkContext.setLogLevel("OFF")
    # It logs each object that it lets go of, even after pytest closed the log.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[Settings]:
    """A Postgres server of our own."""
    # Not below pytest's folder: as root, the server runs as another user, who can't enter it.
    home = Path(tempfile.mkdtemp(prefix="propensity-", dir="/var/tmp"))
    home.chmod(0o755)
    started = load_settings({"PROPENSITY_HOME": str(home)})
    start_postgres(started)
    yield started
    stop_postgres(started)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def place(server: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of an empty installation: no lake yet, and an empty, migrated warehouse."""
    with installation(server, monkeypatch) as chosen:
        yield chosen


@contextmanager
def installation(server: Settings, patch: pytest.MonkeyPatch, root: str = "") -> Iterator[Settings]:
    """An empty installation; `root` is the URI below which lake and landing lie."""
    folder = server.home / uuid.uuid4().hex[:12]
    folder.mkdir()
    patch.setenv("PROPENSITY_HOME", str(server.home))
    patch.setenv("PROPENSITY_LAKE", f"{root or folder}/lake")
    patch.setenv("PROPENSITY_LANDING", f"{root or folder}/landing")
    patch.setenv("PROPENSITY_DATA_DOCS", str(folder / "data_docs"))
    settings.cache_clear()
    chosen = settings()
    with engine(chosen, "admin").begin() as connection:
        for schema in SCHEMAS:
            connection.execute(text(f"drop schema if exists {schema} cascade"))
        connection.execute(text("drop table if exists alembic_version, applied_definitions"))
        migrate(connection)
        copy_config(connection, load_config(chosen), chosen.time_zone)
        create_team_roles(connection)
    _empty_catalog(chosen)
    try:
        yield chosen
    finally:
        for role in get_args(Role):
            engine(chosen, role).dispose()
        with engine(chosen, "admin").connect() as connection:
            held = connection.scalar(text("select count(*) from pg_stat_activity"))
        engine(chosen, "admin").dispose()
        engine.cache_clear()
        settings.cache_clear()
        if held > MANY_CONNECTIONS:
            # Each lake holds some until it is collected, and errors keep many a lake.
            gc.collect()


@pytest.fixture
def tables() -> dict[str, Table]:
    """The contracts, for a vocabulary of two."""
    return lake_tables(("view", "buy"))


def _empty_catalog(chosen: Settings) -> None:
    from sqlalchemy import create_engine

    from include.database.address import database_url

    catalog = create_engine(database_url(chosen, "lake", "psycopg"))
    with catalog.begin() as connection:
        for table in ("iceberg_tables", "iceberg_namespace_properties"):
            connection.execute(text(f"drop table if exists {table}"))
    catalog.dispose()
