"""What the suites of the harness share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from include.settings import Settings
from tests.backfill import market
from tests.conftest import installation
from tests.integration.test_pipeline import CONFIG


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
