"""Nothing grows for ever: nights and maintenance, until there is no more after many than after few.

Nights are a second apart and say that they are a day apart: the clock that snapshots are dated by
is set forward, and what has a date of its own is dated back or forth.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from include.contracts.core import LISTINGS
from include.contracts.known import KNOWN_LISTINGS
from include.database.engine import engine
from include.days import Days
from include.lake.gate import gate
from include.lake.maintain import maintain_lake
from include.lake.publish import publish
from include.lake.receipts import read_receipt, receipt_uri, write_receipt
from include.lake.tables import Lake
from include.quality.verdict import ExpectationResult
from include.settings import PROJECT, Settings, settings
from tests.lake.attempts import begin, build, held

SUNDAY = date(2026, 3, 8)
AGES = """
due_after_hours: 6
retention: {published_days: 400, superseded_days: 30, lake_snapshot_days: 10, staged_days: 2,
            receipts_days: 5, docs_days: 5, verdicts_days: 8, known_days: 14}
"""
ARRIVED, KNOWN = LISTINGS.name, KNOWN_LISTINGS.name
HELD = ExpectationResult(
    expectation="e", column="c", severity="critical", success=True, reason="why"
)


class Nights:
    """Night after night of one listing each, with what is known of all on Sundays."""

    def __init__(self, place: Settings, patch: pytest.MonkeyPatch) -> None:
        self.place, self.lake, self.ahead = place, Lake(place), timedelta()
        self.listings: list[int] = []
        real = time.time
        patch.setattr(time, "time", lambda: real() + self.ahead.total_seconds())
        self.began = real()

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def one(self, is_failed: bool = False) -> None:
        """A night, and a day later than the one before."""
        number = len(self.listings) + 1
        day, run = SUNDAY + timedelta(days=number), f"night-{number}{'-failed' * is_failed}"
        self.listings += [] if is_failed else [number]
        rows = {ARRIVED: {day: [number]}}
        if day.toordinal() % 7 == 0:
            rows[KNOWN] = {day: [*self.listings]}
        build(self.lake, run, run, rows, begin(self.lake))
        uri = receipt_uri(self.place, run, "lake_days")
        receipt = read_receipt(uri)
        judged = [t.model_copy(update={"results": (HELD,)}) for t in receipt.tables]
        write_receipt(uri, receipt.model_copy(update={"tables": tuple(judged)}))
        docs = self.place.data_docs_path / "lake_days" / f"{Days(day, day)}" / run
        docs.mkdir(parents=True)
        (docs / "index.html").write_text("said")
        if not is_failed:
            gate("lake_days", run)
            publish("lake_days", run)
        with engine(self.place).begin() as connection:
            connection.execute(
                text("update analytics.quality_results set checked_at = :now where attempt = :run"),
                {"now": self.now, "run": run},
            )
        self._date()
        self.ahead += timedelta(days=1)

    def _date(self) -> None:
        """Whatever was written tonight was written tonight."""
        for root in (Path(self.place.lake_uri), self.place.data_docs_path):
            for path in root.rglob("*"):
                if path.stat().st_mtime < self.began + timedelta(hours=1).total_seconds():
                    os.utime(path, (self.now.timestamp(), self.now.timestamp()))

    def counts(self) -> dict[str, int]:
        """What there is of everything that nights leave."""
        lake, docs = Path(self.place.lake_uri), self.place.data_docs_path
        tables = {name: lake / "core" / name for name in ("listings", "known_listings")}
        return {
            **{f"{name}, {kind}": len([*(root / "metadata").glob(f"*{kind}")])
               for name, root in tables.items() for kind in ("metadata.json", ".avro")},
            "known_listings, files": len([*tables["known_listings"].rglob("*.parquet")]),
            "staged": len([*tables["listings"].rglob("*.parquet")]) - len(self.listings),
            "receipts": len([*(lake / "_receipts").iterdir()]),
            "docs": len([*docs.glob("*/*/*")]),
            "days of docs": len([*docs.glob("*/*")]),
            "verdicts": self.rows("analytics.quality_results"),
            "known": self.rows(f"analytics.lake_partitions where table_name = '{KNOWN}'"),
            "snapshots": len(self.lake.table(LISTINGS).metadata.snapshots),
        }  # fmt: skip

    def rows(self, table: str) -> int:
        with engine(self.place).connect() as connection:
            return int(connection.scalar(text(f"select count(*) from {table}")))


@pytest.fixture
def nights(place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    ages = tmp_path / "warehouse.yaml"
    ages.write_text(AGES)
    monkeypatch.setenv("PROPENSITY_WAREHOUSE", str(ages))
    settings.cache_clear()
    return Nights(settings(), monkeypatch)


def weeks(nights: Nights, count: int) -> None:
    """Weeks of nights, one of which fails and is built again; each ends with maintenance."""
    for _ in range(count):
        for number in range(7):
            if number == 3:
                nights.one(is_failed=True)
            nights.one()
        maintain_lake(nights.now)


def test_there_is_no_more_after_many_nights_than_after_few(nights: Nights) -> None:
    weeks(nights, 6)
    few = nights.counts()
    weeks(nights, 4)
    many = nights.counts()
    for name, count in many.items():
        if name.endswith(".json"):
            assert count <= 1 + 20, name  # `write.metadata.previous-versions-max`
            continue
        slack = 9 if name.endswith(".avro") else 0  # manifests that wait to be merged
        assert count <= few[name] + slack, f"{name}: {few} {many}"
    assert few["known"] == 3
    assert held(nights.lake, ARRIVED) == {SUNDAY + timedelta(days=n): [n] for n in nights.listings}
    # Of five days each, as configured; of a failed attempt its staged file for two.
    assert many == {**many, "staged": 0, "receipts": 4, "docs": 5, "days of docs": 5}, many


def test_twice_at_once_and_killed_halfway(nights: Nights) -> None:
    for _ in range(15):
        nights.one()
    rows, before = held(nights.lake, ARRIVED), nights.counts()
    code = (
        "from datetime import datetime, UTC; from include.lake.maintain import maintain_lake; "
        f"maintain_lake(datetime.fromisoformat('{nights.now.isoformat()}'))"
    )
    for lines in (1, 5, 9):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=PROJECT, text=True
        ) as process:
            assert process.stdout
            for _ in range(lines):
                assert process.stdout.readline().startswith("[maintain] ")
            process.kill()
        assert held(nights.lake, ARRIVED) == rows
    nights.one()
    rows = held(nights.lake, ARRIVED)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(maintain_lake, [nights.now] * 2))
    after = nights.counts()
    assert held(nights.lake, ARRIVED) == rows
    assert after["receipts"] < before["receipts"]
    maintain_lake(nights.now)
    assert nights.counts() == after
