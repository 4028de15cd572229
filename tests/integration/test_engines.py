"""Both engines make equal tables: made-up traffic, odd rows, odd files, two days, a day again."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.config import load_config
from include.database.engine import engine
from include.days import Days
from include.lake.receipts import read_receipt, receipt_uri
from include.predictions.campaigns import copy_config
from include.settings import PROJECT, Settings, settings
from tests.integration.landing_files import complete, csv_of, day, event, land

pytestmark = pytest.mark.skipif(
    shutil.which("java") is None, reason="no Java on this machine: Apache Spark isn't compared"
)
ENGINES = ("spark", "sail")


def land_dirt(place: Settings) -> None:
    """Every format with good and odd rows, ids that come back, and values of many spellings."""
    noon = datetime(day(1).year, day(1).month, day(1).day, 12, 0, 0, 123_456, tzinfo=UTC)
    land(place, "listings", day(0), "l.csv", "listing_id,category,title,price,updated_at\n"
         "10,cars,a car,5,2026-02-28T10:00:00Z\n20,boats,a boat,7,\n20,boats,a bote,7,\n"
         "10,vans,a van,5.0,2026-02-28T11:00:00Z\n30,,untitled,-1,\n"
         "40.0,cars,pandas,1,\n70,cars,zero,0,\n70,cars,zero,-0.0,\n")  # fmt: skip
    land(place, "listings", day(1), "l.jsonl",
         '{"listing_id": 10, "category": "boats", "price": 1e3}\n'
         '{"listing_id": "50", "category": "\\u00e4pfel", "title": "x\\ty", "price": "5"}\n'
         '{"listing_id": 60, "category": ["a", {"b": 1.50}], "price": NaN}\n')  # fmt: skip
    rows: list[dict[str, Any]] = [{"user_id": n, "registered_at": "2026-01-01"} for n in range(9)]
    rows += [{"user_id": 7, "registered_at": "2026-01-02"},
             {"user_id": 8, "registered_at": "2026-01-01 10:00"},
             {"user_id": -1, "registered_at": "2026-01-01"}, {"user_id": 2**63},
             {"user_id": True, "registered_at": None}]  # fmt: skip
    land(place, "users", day(0), "u.jsonl", "\n".join(json.dumps(row) for row in rows))
    stamp = pa.array([noon, noon, None], pa.timestamp("us", "UTC"))
    path = land(place, "users", day(1), "u.parquet", b"")
    floats = pa.array([11.0, 12.5, 13.0])
    pq.write_table(pa.table({"user_id": floats, "registered_at": stamp}), path)
    land(place, "users", day(1), "u.csv", "user_id,registered_at\n" + "".join(
        f"{n},2026-03-01T23:59:59.999999Z\n" for n in range(20, 40)
    ))  # fmt: skip

    times = [
        "2026-03-01", "2026-03-01 08:00", "2026-03-01T08:00+02:00", "2026-03-01T08:00:00.123Z",
        "2026-03-01T08:00:00.1234567Z", "08:00", "2026-02-30", "1999-01-01", "2026-03-02",
        "2026-03-01T24:00:00Z", "2026-03-01T08:00:60Z", " 2026-03-01", "2026-03-01\t",
    ]  # fmt: skip
    values = [1, 1.0, "1e3", "1,5", "NaN", "Infinity", "-0", ".5", "5.", "1e400", "1e-400", "0x1F",
              "1_000", "٣", "12345678901234567890", 0.1, 1e15, "1d", "+7", ""]  # fmt: skip
    ids = ["1", "01", "1.0", "+1", "1e0", "-1", "9223372036854775807", "9223372036854775808", "one",
           " 1", "1\t", "1.3085E4", "٣"]  # fmt: skip
    odd = [
        *[event(f"time {n}", day(0), occurred_at=text) for n, text in enumerate(times)],
        *[event(f"value {n}", day(0), value=text) for n, text in enumerate(values)],
        *[event(f"user {n}", day(0), user_id=text) for n, text in enumerate(ids)],
        *[event(f"listing {n}", day(0), listing_id=text) for n, text in enumerate(ids)],
        event("zero", day(0), value="0"), event("zero", day(0), value="-0"),
        event("control \x1f\u2028", day(0), user_id="7.0\n"),
        event("end", day(0), user_id="1.3E4\n"),
        event("twice", day(0)), event("twice", day(0)), event("twice", day(0), value=2),
        event("two nulls", day(0), listing_id=None, event_type="campaign_contact"),
        event("two nulls", day(0), listing_id=None, event_type="campaign_contact"),
        event("", day(0)), event("no kind", day(0), event_type=None),
        event("fax", day(0), event_type="fax"), event("comes back", day(0)),
    ]  # fmt: skip
    land(place, "events", day(0), "e.jsonl.gz", "\n".join(
        [*[json.dumps(one) for one in odd], "", "[]", '{"event_id": "cut', "null", "{}"]
    ))  # fmt: skip
    plain = [one for one in odd if not {",", "\n"} & set(f"{one['value']}{one['user_id']}")]
    quoted = event('"a ""quoted"", id"', day(0))
    land(place, "events", day(0), "e.csv", csv_of(*[
        one | {"event_id": f"{one['event_id']} of csv"} for one in [*plain, quoted]
    ]) + "short,row\n" + "a,b,c,d,e,f,g\n" + '"open,2026-03-01,1,10,purchase,1\n')  # fmt: skip
    columns: dict[str, Any] = {
        "event_id": pa.array(["p1", "p2", "comes back", None, "p1", "p\ud7ff\ue000", "p3"]),
        "occurred_at": pa.array([noon] * 7, pa.timestamp("us", "UTC")),
        "user_id": pa.array([1, 2, 1, 4, 1, 6, -7], pa.int32()),
        "listing_id": pa.array([10, 20, 10, 99, 10, None, 10]),
        "event_type": pa.array(["purchase"] * 6 + [None]).dictionary_encode(),
        "value": pa.array([0.1, float("nan"), 1.5, float("inf"), 0.1, None, 1e10], pa.float32()),
    }
    doubles = pa.array([1e16, 1e7, float("inf"), 1e-7, 2.5])
    path = land(place, "listings", day(1), "l.parquet", b"")
    pq.write_table(pa.table({
        "listing_id": pa.array([80, 81, 82, 83, -84]), "category": doubles,
        "price": pa.array([Decimal("12345678901234567890.5"), None, None, Decimal(1), None]),
        "updated_at": pa.array([noon] * 5, pa.timestamp("us", "UTC")),
    }), path)  # fmt: skip
    path = land(place, "events", day(2), "floats.parquet", b"")
    pq.write_table(pa.table({
        "event_id": doubles, "occurred_at": pa.array([day(2), None, day(2), day(2), day(2)]),
        "user_id": doubles, "listing_id": doubles, "event_type": pa.array(["purchase"] * 5),
        "value": pa.array([1e16, -0.0, 1e-300, 5e-324, 1.0]),
    }), path)  # fmt: skip
    path = land(place, "events", day(1), "e.parquet", b"")
    pq.write_table(pa.table(columns), path)
    land(place, "events", day(1), "e.csv", csv_of(
        *[event(f"more {n}", day(1), user_id=n % 7, value=n / 7) for n in range(100)],
    ))  # fmt: skip
    land(place, "events", day(2), "e.csv", csv_of(
        event("comes back", day(0)), event("comes back", day(0), value=3), event("p2", day(1)),
        *[event(f"many {n}", day(2), user_id=n % 7, value=n / 7) for n in range(400)],
    ))  # fmt: skip


BUILDS = """
import sys
from datetime import date
from include.lake.gate import gate
from include.lake.publish import publish
from spark_jobs import lake_days
from spark_jobs.job import run_job

for run in sys.argv[1:]:
    _, first, last = run.split("/")
    run_job("lake_days", lake_days.BUILDS, ["--from-day", first, "--to-day", last, "--run", run])
    gate("lake_days", run)
    publish("lake_days", run)
"""


def build(name: str, ranges: list[Days]) -> list[dict[str, list[str]]]:
    """Build, judge and publish one range after the other, in a process of its own.

    Returns:
        For each range the rows that were staged, by table; in the order of their texts.
    """
    runs = [f"{name}/{days.first}/{days.last}" for days in ranges]
    # Not what a session within this process left there.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    done = subprocess.run(
        [sys.executable, "-c", BUILDS, *runs],
        env=clean | {"PROPENSITY_SPARK_ENGINE": name, "PYTHONPATH": str(PROJECT),
                          "PYSPARK_SUBMIT_ARGS": "--driver-memory 1g --conf "
                          "spark.sql.shuffle.partitions=2 pyspark-shell"},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    receipts = [read_receipt(receipt_uri(settings(), run, "lake_days")) for run in runs]
    return [{table.table: rows_of(table.files) for table in one.tables} for one in receipts]


def rows_of(files: tuple[str, ...]) -> list[str]:
    found = []
    for uri in files:
        rows = pq.read_table(uri.removeprefix("file://"), partitioning=None).to_pylist()
        found += [json.dumps(row, default=str, sort_keys=True) for row in rows]
    return sorted(found)


def accounts() -> list[tuple[Any, ...]]:
    from sqlalchemy import text

    with engine(settings()).connect() as connection:
        found = connection.execute(
            text("select table_name, ingest_date, landed, accepted, rejected, duplicate, late, "
                 "unknown_category, unknown_user from analytics.ingest_accounting order by 1, 2")
        )  # fmt: skip
        return [tuple(row) for row in found]


@pytest.fixture
def bounds(place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """More of a day may be refused than anybody would publish."""
    shipped = place.quality.read_text(encoding="utf-8")
    path = tmp_path / "quality.yaml"
    path.write_text(shipped.replace("at_most: 0.3,", "at_most: 0.9,"), encoding="utf-8")
    monkeypatch.setenv("PROPENSITY_QUALITY", str(path))
    settings.cache_clear()
    return settings()


def differing(spark: list[str], sail: list[str]) -> dict[str, list[str]]:
    return {
        "only on Spark": sorted(set(spark) - set(sail)),
        "only on Sail": sorted(set(sail) - set(spark)),
    }


@pytest.mark.parametrize(
    ("zone", "ranges"),
    [
        # One day more, and what was published is made again: a late duplicate stays one.
        ("UTC", [Days(day(0), day(1)), Days(day(0), day(2))]),
        ("America/Sao_Paulo", [Days(day(0), day(2))]),
    ],
)
def test_tables_are_equal(
    bounds: Settings, zone: str, ranges: list[Days], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPENSITY_TIME_ZONE", zone)
    settings.cache_clear()
    with engine(settings(), "admin").begin() as connection:
        copy_config(connection, load_config(settings()), zone)
    land_dirt(settings())
    complete(settings(), Days(day(0), day(2)))
    made, accounted = {}, {}
    for name in ENGINES:
        made[name] = build(name, ranges)
        accounted[name] = accounts()
    for spark, sail in zip(made["spark"], made["sail"], strict=True):
        assert spark.keys() == sail.keys()
        for table in spark:
            assert sail[table] == spark[table], (table, differing(spark[table], sail[table]))
    assert accounted["sail"] == accounted["spark"]
    assert all(made["sail"][0][table] for table in ("core.events", "core.rejected_events"))
