"""What the suites of the harness share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from include.settings import Settings, settings
from tests.acceptance.commands import run
from tests.backfill import market, own_home
from tests.conftest import installation
from tests.integration.test_pipeline import CONFIG

# Airflow gives a worker up that hasn't been heard of for so long; five minutes by default.
SILENCE = {"TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20", "TASK_INSTANCE_HEARTBEAT_SEC": "5",
           "TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5"}  # fmt: skip
MADE: list[bool] = []
"""Whether `make run` has run for the harness."""


@pytest.fixture(scope="module")
def home(laptop: None) -> Iterator[None]:
    """An installation of the harness' own, as `make run` leaves it; see `own_home`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            patch.delenv(name, raising=False)
        patch.setenv("PROPENSITY_HOME", str(own_home.HOME))
        for key, value in SILENCE.items():
            patch.setenv(f"AIRFLOW__SCHEDULER__{key}", value)
        settings.cache_clear()
        if not MADE:
            own_home.make_home()
            MADE.append(True)
        try:
            yield
        finally:
            run("make", "-s", "down")
    settings.cache_clear()


@pytest.fixture
def empty(
    server: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Settings]:
    """An installation with nothing but landed files."""
    for name, content in CONFIG.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        monkeypatch.setenv(f"PROPENSITY_{Path(name).stem.upper()}", str(tmp_path / name))
    with installation(server, monkeypatch) as chosen:
        market.land(chosen)
        yield chosen
