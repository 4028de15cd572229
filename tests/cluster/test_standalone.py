"""Jobs on a cluster make the tables that they make on one machine, though parts of it die."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.days import Days
from include.lake.checksum import rows_checksum
from include.lake.receipts import read_receipt, receipt_uri
from include.landing.sources import synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import Landing
from include.settings import PROJECT, Settings, settings
from spark_jobs.package import pack
from tests.cluster.conftest import BIN, Cluster

FIRST = date(2026, 3, 1)
DAYS = Days(FIRST, FIRST + timedelta(days=1))
TRAFFIC = Traffic(users=4_000, listings=1_500, categories=20, events_per_day=150_000,
                  duplicate_share=0.02, late_share=0.03, malformed_share=0.01)  # fmt: skip
TABLES = {"core.events", "core.rejected_events", "core.users", "core.listings",
          "core.rejected_dimensions", "core.known_users", "core.known_listings",
          "features.user_category_daily", "features.user_category",
          "features.user", "features.category", "features.known_visits",
          "features.user_category_visits", "features.user_visits",
          "features.campaign_category"}  # fmt: skip


@pytest.fixture
def market(place: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    (tmp_path / "events.yaml").write_text(
        "types: [{name: view}, {name: favourite}, {name: contact}]\n"
        "max_lateness_days: 30\nduplicate_lookback_days: 3\n", encoding="utf-8"
    )  # fmt: skip
    (tmp_path / "campaigns.yaml").write_text(
        "campaigns:\n  - {campaign_id: zero, category: category-0000, "
        "positive_event_types: [contact], horizon_days: 7, holdout_share: 0.2}\n", encoding="utf-8"
    )  # fmt: skip
    monkeypatch.setenv("PROPENSITY_EVENTS", str(tmp_path / "events.yaml"))
    monkeypatch.setenv("PROPENSITY_CAMPAIGNS", str(tmp_path / "campaigns.yaml"))
    monkeypatch.setenv("PROPENSITY_SPARK_ENGINE", "spark")
    monkeypatch.setenv("PROPENSITY_SPARK_EVENT_LOG", str(tmp_path / "event_log"))
    settings.cache_clear()
    synthetic.land(Landing(settings().landing_uri), TRAFFIC, DAYS)
    return settings()


def submit(
    master: str, run: str, *options: str, at_line: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """`spark-submit` of the daily job, as Airflow's operator does it.

    Returns:
        What it said of its stages.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    command = [str(BIN / "spark-submit"), "--master", master, "--driver-memory", "1g",
               "--executor-memory", "640m",
               "--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.ui.enabled=false",
               *options, str(PROJECT / "spark_jobs" / "lake_days.py"), "--from-day",
               f"{DAYS.first}", "--to-day", f"{DAYS.last}", "--run", run]  # fmt: skip
    lines: list[str] = []
    with subprocess.Popen(
        command, env=clean | {"PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable,
                              "SPARK_LOCAL_IP": "127.0.0.1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            at_line(line)
    assert process.returncode == 0, "".join(lines)[-4000:]
    return [json.loads(line) for line in lines if line.startswith('{"stage"')]


def tables(run: str) -> dict[str, tuple[int, str]]:
    """Rows and checksum of what a run staged."""
    found = {}
    for table in read_receipt(receipt_uri(settings(), run, "lake_days")).tables:
        batches = [
            batch
            for uri in table.files
            for batch in pq.ParquetFile(uri.removeprefix("file://")).iter_batches()
        ]
        found[table.table] = (sum(batch.num_rows for batch in batches), rows_checksum(batches))
    return found


def removed_executors(folder: Path) -> int:
    """How many executors the newest application lost before its end."""
    newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    lost = 0
    for path in newest.glob("events_*"):
        with pa.input_stream(str(path), compression="zstd") as log:
            lost += log.read().count(b'"SparkListenerExecutorRemoved"')
    return lost


def test_a_cluster_that_loses_an_executor_and_a_worker_makes_the_same_tables(
    market: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    package = pack(tmp_path / "propensity_jobs.zip")
    on_cluster = ["--conf", f"spark.submit.pyFiles={package}", "--conf", "spark.cores.max=2"]
    stages = submit("local[2]", "one/machine")
    expected = tables("one/machine")
    assert set(expected) == TABLES
    killed: list[str] = []

    def kill(line: str) -> None:
        if line.startswith("[core.users]") and not killed:
            (executor,) = cluster.executors(0)
            executor.kill()
            killed.append("executor")
        elif line.startswith("[core.events]") and len(killed) == 1:
            cluster.kill_worker(1)
            killed.append("worker")

    again = submit(cluster.master, "half/dead", *on_cluster, at_line=kill)
    assert killed == ["executor", "worker"]
    assert removed_executors(tmp_path / "event_log") >= 2
    check_history(tmp_path / "event_log")
    assert tables("half/dead") == expected
    for said in (stages, again):
        assert [one["stage"] for one in said] == [
            "dimensions",
            "events",
            "daily_activity",
            "features",
        ]
        events = said[1]
        assert events["input"]["landing/events"] == 300_000
        assert events["output"] == {
            name: expected[name][0] for name in ("core.rejected_events", "core.events")
        }
        assert events["rows"] == sum(events["output"].values())
        assert 0 < events["duration_s"] < 600
        assert said[2]["input"]["core.events"] == expected["core.events"][0]


def check_history(folder: Path) -> None:
    """`make spark-history` shows both applications with all their jobs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "from include.embedded.spark_history import show_history\n"
        f"from include.settings import settings\nshow_history(settings(), {port})"
    )
    pages = f"http://127.0.0.1:{port}/api/v1/applications"
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as server:  # fmt: skip
        try:
            found = asked(pages)
            assert [one["name"] for one in found] == [f"lake_days {DAYS}"] * 2
            for application in found:
                jobs = asked(f"{pages}/{application['id']}/jobs")
                assert len(jobs) > 5
                assert {job["status"] for job in jobs} == {"SUCCEEDED"}
        finally:
            server.kill()
    assert len(list(folder.iterdir())) == 2


def asked(url: str) -> list[dict[str, Any]]:
    """A JSON answer that isn't empty; waits for it."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(url) as answer:
                if found := json.load(answer):
                    return list(found)
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{url} never answered")


def test_spark_itself_takes_no_python_driver_on_a_standalone_cluster(
    market: Settings, cluster: Cluster
) -> None:
    """What docs/cluster.md says of cluster deploy mode."""
    with pytest.raises(AssertionError, match="not supported for python applications on standalone"):
        submit(cluster.master, "no/way", "--deploy-mode", "cluster")
