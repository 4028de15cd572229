"""Landing zone, lake and models in an S3 store: `make run`, and two days backfilled, as on disk.

In two installations of their own. The store is moto's, within this process.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from include.embedded.environment import airflow_environment
from include.settings import settings
from tests.acceptance.airflow_runs import backfill
from tests.acceptance.commands import run, say
from tests.store.s3_server import Store, s3_store

pytestmark = pytest.mark.store

FIRST, LAST = "2017-12-25", "2017-12-26"


def checksums() -> list[str]:
    lines = run("bin/python", "-m", "include.embedded", "checksums").splitlines()
    # Of two days that are backfilled at once, either may be published first.
    return [line.rpartition(" ")[0] if line.startswith("predictions.") else line for line in lines]


@contextmanager
def installation(**variables: str) -> Iterator[None]:
    """An installation of its own, for as long as one uses it."""
    home = Path(tempfile.mkdtemp(prefix="propensity-store-", dir="/var/tmp"))
    home.chmod(0o755)  # as root, Postgres runs as another user
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PROPENSITY_HOME": str(home), **variables}.items():
            patch.setenv(name, value)
        settings.cache_clear()
        try:
            yield
        finally:
            run("make", "-s", "down")
            shutil.rmtree(home, ignore_errors=True)
    settings.cache_clear()


@pytest.fixture(scope="module")
def on_disk(as_its_user: None) -> tuple[list[str], list[str]]:
    """What there is on disk after `make run`, and after two days more, run without a scheduler."""
    with installation():
        run("make", "-s", "run")
        made = checksums()
        for day in (26, 27):
            # Not midnight, which is the logical date of a backfill's run.
            with pytest.MonkeyPatch.context() as patch:
                for name, value in airflow_environment(settings()).items():
                    patch.setenv(name, value)
                run(sys.executable, "-m", "include.embedded.dag_runs", f"2017-12-{day}T06:00:00",
                    "lake_daily", "score_daily")  # fmt: skip
        return made, checksums()


@pytest.fixture(scope="module")
def store(on_disk: object) -> Iterator[Store]:
    """A store, and the settings of an installation that has nothing on disk but its databases."""
    with s3_store() as started, installation(
        AWS_ENDPOINT_URL=started.address,
        AWS_ACCESS_KEY_ID="someone",
        AWS_SECRET_ACCESS_KEY="s3cr3t",
        AWS_REGION="us-east-1",
        PROPENSITY_LANDING="s3://market/landing",
        PROPENSITY_LAKE="s3://market/lake",
        PROPENSITY_ARTIFACTS="s3://market/models",
    ):  # fmt: skip
        boto3.client("s3").create_bucket(Bucket="market")
        yield started


def test_make_run_in_the_store_ends_as_on_disk(
    store: Store, on_disk: tuple[list[str], list[str]]
) -> None:
    printed = run("make", "-s", "run")
    say("\n".join(line for line in printed.splitlines() if line.startswith(("==", "  "))))
    assert checksums() == on_disk[0]
    for name in ("landing", "lake"):
        assert not [*(settings().home / name).rglob("*.*")]
    assert not (settings().home / "mlflow" / "artifacts").exists()


def test_two_days_backfilled_in_the_store_are_those_on_disk(
    store: Store, on_disk: tuple[list[str], list[str]]
) -> None:
    say(run("make", "-s", "up").strip())
    for dag_id in ("lake_daily", "score_daily"):
        backfill(dag_id, FIRST, LAST, 2)
    say(f"{store.requests:,} requests in all")
    assert checksums() == on_disk[1]
