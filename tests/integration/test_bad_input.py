"""Bad input: rows are refused with reasons, files fail by name, and the last good data stays."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from sqlalchemy import text

from include.config import load_config
from include.contracts import lake_tables
from include.database.engine import engine
from include.days import Days
from include.errors import ConfigError, GateError, LakeError, LandingError, PipelineError
from include.lake import readiness
from include.lake.failures import failure_uri, read_failure
from include.lake.gate import gate
from include.lake.publish import publish
from include.lake.tables import Lake
from include.settings import Settings, settings
from spark_jobs import daily_activity, dimensions, events, lake_days
from spark_jobs.job import run_job
from spark_jobs.workspace import Workspace
from tests.integration.landing_files import basics, complete, csv_of, day, event, land

pytestmark = pytest.mark.usefixtures("spark")
RUN = "lake_daily/test"
ONE = Days(day(0), day(0))


def build(days: Days = ONE, run: str = RUN) -> None:
    """The `build` task of the events' tables."""
    arguments = ["--from-day", f"{days.first}", "--to-day", f"{days.last}", "--run", run]
    run_job("lake_days", [dimensions.build, events.build, daily_activity.build], arguments)


def judge_and_publish(run: str = RUN) -> None:
    gate("lake_days", run)
    publish("lake_days", run)


def rows(place: Settings, table: str) -> list[dict[str, Any]]:
    contract = lake_tables(load_config(place).events.names)[table]
    return list(Lake(place).arrow(contract).to_pylist())


def accounting(place: Settings) -> list[tuple[Any, ...]]:
    with engine(place).connect() as connection:
        found = connection.execute(
            text(
                "select ingest_date, landed, accepted, rejected, duplicate "
                "from analytics.ingest_accounting where table_name = 'events' order by 1"
            )
        )
        return [tuple(row) for row in found]


def test_bad_rows_never_stop_the_good(place: Settings) -> None:
    basics(place, ONE)
    land(place, "events", day(0), "e.csv", csv_of(
        event("good", day(0)),
        event("good", day(0)),
        event("not a number", day(0), user_id="abc"),
        event("unknown type", day(0), event_type="telepathy"),
        event("too early", day(0), occurred_at="1999-01-01T00:00:00Z"),
        event("from the future", day(0), occurred_at=f"{day(1)}T00:00:00Z"),
    ))  # fmt: skip
    land(place, "events", day(0), "e.jsonl", '{"event_id": "cut off", \n')
    build()
    judge_and_publish()
    assert [row["event_id"] for row in rows(place, "core.events")] == ["good"]
    reasons = {row["raw"]: row["reasons"] for row in rows(place, "core.rejected_events")}
    assert sorted(reason for every in reasons.values() for reason in every) == [
        "invalid_user_id",
        "malformed_record",
        "occurred_in_future",
        "occurred_too_long_ago",
        "unknown_event_type",
    ]
    assert any('"user_id":"abc"' in raw for raw in reasons)
    files = {row["source_file"] for row in rows(place, "core.rejected_events")}
    assert files == {f"events/date={day(0)}/e.csv", f"events/date={day(0)}/e.jsonl"}
    assert accounting(place) == [(day(0), 7, 1, 5, 1)]


def test_the_oddest_rows_are_refused_one_by_one_and_the_day_is_published(place: Settings) -> None:
    basics(place, ONE)
    land(place, "events", day(0), "e.csv", csv_of(
        event("good", day(0)),
        event("huge", day(0), value=1e15),
        event("said twice", day(0), value=1),
        event("said twice", day(0), value=2),
        event("of pandas", day(0), user_id="1.0"),
    ))  # fmt: skip
    build()
    judge_and_publish()
    accepted = rows(place, "core.events")
    assert sorted(row["event_id"] for row in accepted) == ["good", "said twice"]
    assert {row["value"] for row in accepted} == {1, 1.5}, "the least by content stays"
    refused = {row["reasons"][-1]: json.loads(row["raw"])
               for row in rows(place, "core.rejected_events")}  # fmt: skip
    assert refused.keys() == {"value_out_of_bounds", "contradicts_same_event_id", "decimal_user_id"}
    assert refused["value_out_of_bounds"]["value"] == "1000000000000000.0"
    assert refused["contradicts_same_event_id"] == {
        "event_id": "said twice", "occurred_at": f"{day(0)}T12:00:00.000000Z", "user_id": 1,
        "listing_id": 10, "event_type": "purchase", "value": 2.0,
    }  # fmt: skip


def test_a_contradiction_is_kept_as_it_was_understood_whatever_the_format(place: Settings) -> None:
    """Nothing else lies beside it here that would have all of it kept for another reason."""
    basics(place, ONE)
    said = [event("said twice", day(0), value=value) | {"user_id": "1"} for value in (1.0, 2.0)]
    path = land(place, "events", day(0), "e.parquet", b"")
    pq.write_table(pa.Table.from_pylist(said), path)
    build()
    judge_and_publish()
    assert [row["event_id"] for row in rows(place, "core.events")] == ["said twice"]
    (refused,) = rows(place, "core.rejected_events")
    assert json.loads(refused["raw"]) == {
        "event_id": "said twice", "occurred_at": f"{day(0)}T12:00:00.000000Z", "user_id": 1,
        "listing_id": 10, "event_type": "purchase", "value": 2.0,
    }  # fmt: skip


def test_a_day_without_a_good_row_is_not_published_and_the_bound_can_be_raised(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    basics(place, ONE)
    rejected = [event(f"e{n}", day(0), user_id="seven") for n in range(40)]
    land(place, "events", day(0), "e.csv", csv_of(*rejected))
    build()
    with pytest.raises(GateError, match=r"40 of 40 rows \(100.0 %\): there is no good one"):
        gate("lake_days", RUN)
    with engine(place).connect() as connection:
        stored = connection.execute(
            text("select table_name, success from analytics.quality_results "
                 "where column_name = 'share of rejected rows' order by 1")
        ).all()  # fmt: skip
    assert [tuple(row) for row in stored] == [
        ("core.events", False), ("core.listings", True), ("core.users", True)
    ]  # fmt: skip
    land(place, "events", day(0), "f.csv", csv_of(
        *(event(f"g{n}", day(0), user_id=9_000 + n % 2) for n in range(60))
    ))  # fmt: skip
    build()
    with pytest.raises(GateError, match=r"40 of 100 rows \(40.0 %\), more than 30.0 %"):
        gate("lake_days", RUN)
    bounds = (
        settings().quality.read_text(encoding="utf-8").replace("at_most: 0.3,", "at_most: 0.4,")
    )
    (tmp_path / "quality.yaml").write_text(bounds, encoding="utf-8")
    monkeypatch.setenv("PROPENSITY_QUALITY", str(tmp_path / "quality.yaml"))
    settings.cache_clear()
    judge_and_publish()
    with engine(place).connect() as connection:
        counted = connection.execute(
            text("select late, unknown_category, unknown_user from analytics.ingest_accounting "
                 "where table_name = 'events'")
        ).one()  # fmt: skip
    assert tuple(counted) == (0, 0, 60), "of users who never landed"


def test_no_row_is_lost_repaired_or_made_up(place: Settings) -> None:
    """Lines of JSON that hold more or less than one object, bytes that no text has, long lines."""
    basics(place, ONE)
    one, two = (json.dumps(event(name, day(0))) for name in ("glued", "lost"))
    nested = json.dumps(event("nested", day(0)) | {"more": {"a": [{"b": "}{"}]}})
    deep = json.dumps(event("deep", day(0)) | {"more": json.loads('{"a":' * 12 + "1" + "}" * 12)})
    twice = f'{one[:-1]}, "user_id": 2}}'
    half = one.replace("glued", r"\ud83d")
    # Both halves, and one after a backslash that is itself escaped, are texts like others.
    odd = [one.replace("glued", text) for text in (r"\ud83d\ude00", r"\\ud83d")]
    # What a sender put for bytes that it couldn't read: in JSON, escaped, and in Parquet.
    replaced = [one.replace("glued", text) for text in ("\ufffd", r"\ufffd")]
    land(place, "events", day(0), "e.jsonl", "\n".join(
        [one + two, f"[{one}, {two}]", "[]", f"{one} xx}}", twice, half,
         nested, f" \t{deep}", *odd, *replaced]
    ) + "\t")  # fmt: skip
    header, good, *_ = csv_of(event("good", day(0))).splitlines()
    lines = [
        f"{header},note",
        f"{good},a note",
        "short,2026-03-01",
        f"{good.replace('good', 'long')},a,b",
    ]
    land(place, "events", day(0), "with-note.csv", "\n".join(lines))
    latin = csv_of(event("café", day(0)), event("cafè", day(0)))
    land(place, "events", day(0), "latin.csv", latin.encode("latin-1"))
    columns = {name: pa.array([value]) for name, value in event("x", day(0)).items()}
    torn = pa.array([b"caf\xe9"], pa.binary())
    path = land(place, "events", day(0), "torn.parquet", b"")
    text_of = pa.StringArray.from_buffers(1, *torn.buffers()[1:])
    pq.write_table(pa.table(columns | {"event_id": text_of}), path)
    path = land(place, "events", day(0), "binary.parquet", b"")
    pq.write_table(pa.table(columns | {"event_id": torn}), path)
    path = land(place, "events", day(0), "replaced.parquet", b"")
    pq.write_table(pa.table(columns | {"event_id": pa.array(["caf\ufffd"])}), path)
    build()
    judge_and_publish()
    accepted = sorted(row["event_id"] for row in rows(place, "core.events"))
    assert accepted == [r"\ud83d", "deep", "good", "nested", "\U0001f600"]
    refused = rows(place, "core.rejected_events")
    assert {tuple(row["reasons"]) for row in refused} == {("malformed_record",)}
    counted: dict[str, int] = {}
    for row in refused:
        name = row["source_file"].rsplit("/", 1)[1]
        counted[name] = counted.get(name, 0) + 1
    assert counted == {
        "e.jsonl": 8, "with-note.csv": 2, "latin.csv": 2, "torn.parquet": 1, "binary.parquet": 1,
        "replaced.parquet": 1,
    }  # fmt: skip
    assert accounting(place) == [(day(0), 20, 5, 15, 0)]


def test_a_value_is_the_same_whatever_files_lie_beside_it(place: Settings) -> None:
    """Floats of 32 bits beside texts; lines with more fields than readers count on."""
    basics(place, ONE)
    columns = {name: pa.array([value]) for name, value in event("single", day(0)).items()}
    path = land(place, "events", day(0), "single.parquet", b"")
    pq.write_table(pa.table(columns | {"value": pa.array([0.1], pa.float32())}), path)
    wide = csv_of(event("text", day(0), value=0.1)) + "," * 300_000 + "\n"
    land(place, "events", day(0), "wide.csv", wide)
    build()
    judge_and_publish()
    values = {row["event_id"]: row["value"] for row in rows(place, "core.events")}
    assert values == {"text": 0.1, "single": 0.10000000149011612}
    assert [row["reasons"] for row in rows(place, "core.rejected_events")] == [["malformed_record"]]


def test_timestamps_in_nanoseconds_are_times_to_the_microsecond(place: Settings) -> None:
    basics(place, ONE)
    noon = datetime(day(0).year, day(0).month, day(0).day, 12, tzinfo=UTC)
    nanoseconds = int(noon.timestamp()) * 10**9 + 1_999
    columns: dict[str, Any] = {
        name: pa.array([value]) for name, value in event("a", day(0)).items()
    } | {"occurred_at": pa.array([nanoseconds], pa.timestamp("ns", "UTC"))}
    path = land(place, "events", day(0), "e.parquet", b"")
    pq.write_table(pa.table(columns), path)
    # Another file in Spark's own way (INT96), which Arrow also calls nanoseconds.
    columns |= {"event_id": pa.array(["b"])}
    least = pa.array([-(2**63)], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table(columns | {"occurred_at": least}), path.with_name("least.parquet"))
    path = land(place, "events", day(0), "old.parquet", b"")
    pq.write_table(pa.table(columns), path, use_deprecated_int96_timestamps=True)
    build()
    judge_and_publish()
    seen = {row["event_id"]: row["occurred_at"] for row in rows(place, "core.events")}
    assert seen == dict.fromkeys("ab", noon + timedelta(microseconds=1))


def good_day(place: Settings) -> None:
    basics(place, ONE)
    land(place, "events", day(0), "e.csv", csv_of(event("a", day(0))))
    build()
    judge_and_publish()


def test_a_truncated_gzip_fails_by_name_and_the_last_good_data_stays(place: Settings) -> None:
    good_day(place)
    whole = csv_of(*[event(f"b{n}", day(1), value=n / 7) for n in range(5_000)])
    path = land(place, "events", day(1), "e.csv.gz", whole)
    path.write_bytes(path.read_bytes()[:-2_000])
    complete(place, Days(day(1), day(1)))
    with pytest.raises(LandingError, match=r"e\.csv\.gz: can't be unpacked to its end") as failed:
        build(Days(day(1), day(1)))
    left = read_failure(failure_uri(place, RUN, "lake_days"))
    assert left is not None
    assert (left.sentence, left.is_final) == (str(failed.value), True)
    assert len(left.sentence) < 500, "freshness shows all of it"
    assert [row["event_id"] for row in rows(place, "core.events")] == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("e.csv", "event_id,occurred_at,listing_id,event_type\n", r"e\.csv: has no column user_id"),
        ("e.csv", "", r"e\.csv: has no column event_id, occurred_at, user_id"),
        ("e.xlsx", "?", r"e\.xlsx: not a format that is read here"),
        ("e.parquet", "not parquet", r"e\.parquet: can't be read as parquet"),
    ],
)
def test_a_bad_file_fails_by_name(place: Settings, name: str, content: str, sentence: str) -> None:
    basics(place, ONE)
    land(place, "events", day(0), name, content)
    with pytest.raises(LandingError, match=sentence):
        build()


def test_a_file_that_breaks_only_while_it_is_read_fails_by_name(place: Settings) -> None:
    basics(place, ONE)
    land(place, "events", day(0), "good.csv", csv_of(event("good", day(0))))
    columns = {name: pa.array([value] * 100) for name, value in event("x", day(0)).items()}
    path = land(place, "events", day(0), "torn.parquet", b"")
    pq.write_table(pa.table(columns), path)
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    at = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[at : at + 64] = b"\xff" * 64
    path.write_bytes(bytes(content))
    with pytest.raises(LandingError, match=r"torn\.parquet: can't be read to its end"):
        build()


BYTES = pa.array([b"caf\xe9"], pa.binary())
TORN = pa.StringArray.from_buffers(1, *BYTES.buffers()[1:])
ID = uuid.UUID(int=7)
ODD_VALUES = {
    "far-milliseconds": {"occurred_at": pa.array([2**62], pa.timestamp("ms", "America/Sao_Paulo"))},
    "far-date": {"occurred_at": pa.array([2**31 - 1], pa.date32())},
    "far-date-within": {
        "value": pa.StructArray.from_arrays([pa.array([2**31 - 1], pa.date32())], ["at"])
    },
    "far-time-within": {"value": pa.array([[2**62]], pa.list_(pa.timestamp("us")))},
    "torn-within": {"value": pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), TORN)},
    "uuid": {"event_id": pa.array([ID.bytes], pa.uuid())},
    "date": {"event_id": pa.array(["date"]), "occurred_at": pa.array([day(0)])},
    "decimal": {"event_id": pa.array(["decimal"]), "user_id": pa.array([Decimal(1)])},
    "unsigned": {"event_id": pa.array(["unsigned"]), "user_id": pa.array([1], pa.uint64())},
}


def test_a_value_that_nobody_can_hold_spoils_its_row_alone(place: Settings) -> None:
    basics(place, ONE)
    land(place, "events", day(0), "good.csv", csv_of(event("good", day(0))))
    for name, change in ODD_VALUES.items():
        columns = {key: pa.array([value]) for key, value in event(name, day(0)).items()}
        path = land(place, "events", day(0), f"{name}.parquet", b"")
        pq.write_table(pa.table(columns | change), path)
    long_number = json.dumps(event("long", day(0)))[:-1] + f', "more": [{"1" * 5_000}]}}'
    land(place, "events", day(0), "long.jsonl", long_number)
    build()
    judge_and_publish()
    accepted = sorted(row["event_id"] for row in rows(place, "core.events"))
    assert accepted == [str(ID), "date", "decimal", "good", "long", "unsigned"]
    refused = {
        row["source_file"].rsplit("/", 1)[1].removesuffix(".parquet"): row["reasons"]
        for row in rows(place, "core.rejected_events")
    }
    assert refused == {
        "far-milliseconds": ["malformed_record"], "far-date": ["invalid_occurred_at"],
        "far-date-within": ["malformed_record"], "far-time-within": ["malformed_record"],
        "torn-within": ["malformed_record"],
    }  # fmt: skip


def test_an_empty_day_is_built_and_accounted_for(place: Settings) -> None:
    good_day(place)
    complete(place, Days(day(1), day(1)))
    build(Days(day(1), day(1)))
    judge_and_publish()
    assert accounting(place)[1] == (day(1), 0, 0, 0, 0)
    assert [row["event_id"] for row in rows(place, "core.events")] == ["a"]
    assert readiness.committed(str(day(1)), ["core.events"]) is None, "empty, but there"


def test_a_day_without_success_waits_and_is_not_built(place: Settings) -> None:
    basics(place, ONE)
    path = Path(place.landing_uri) / "events" / f"date={day(0)}" / "_SUCCESS"
    path.unlink()
    missing = readiness.landed(str(day(0)))
    assert missing is not None
    assert f"events/date={day(0)}: no _SUCCESS yet" in missing
    with pytest.raises(LandingError, match=f"events/date={day(0)} has no _SUCCESS"):
        build()


def test_a_gap_before_the_day_is_named(place: Settings) -> None:
    good_day(place)
    assert readiness.days_before(str(day(1))) is None
    missing = readiness.days_before(str(day(3)))
    assert missing == (
        f"the lake lacks 2 of the 3 days before {day(3)}, the first is {day(1)}: "
        f"run or backfill lake_daily from {day(1)} on"
    )


def test_an_unknown_key_in_campaigns_fails_at_load(
    place: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = place.campaigns.read_text(encoding="utf-8")
    path = tmp_path / "campaigns.yaml"
    path.write_text(shipped.replace("holdout_share", "hold_out", 1), encoding="utf-8")
    monkeypatch.setenv("PROPENSITY_CAMPAIGNS", str(path))
    settings.cache_clear()
    with pytest.raises(ConfigError, match=r"campaigns.yaml: key campaigns.0.hold.*unknown key"):
        build()


def test_a_failed_gate_keeps_the_last_good_data_and_stores_what_failed(
    place: Settings, spark: SparkSession
) -> None:
    good_day(place)

    def broken(work: Workspace) -> None:
        contract = work.contract("core.users")
        row = (-1, None, day(1))
        work.stage("core.users", spark.createDataFrame([row], contract.spark_schema()))

    arguments = ["--from-day", f"{day(1)}", "--to-day", f"{day(1)}", "--run", "broken"]
    run_job("lake_days", [broken], arguments)
    with pytest.raises(GateError, match=r"core.users: user_id .*\n.*registered_at"):
        gate("lake_days", "broken")
    assert {row["user_id"] for row in rows(place, "core.users")} == {1, 2, 3}
    with engine(place).connect() as connection:
        failed = connection.execute(
            text(
                "select column_name, severity from analytics.quality_results "
                "where not success and first_day = :day order by 1"
            ),
            {"day": day(1)},
        ).all()
    assert failed == [("registered_at", "critical"), ("user_id", "critical")]


def test_a_job_that_failed_says_why_also_where_the_catalog_is_away(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it kept is forgotten on the way out: that must not say something else instead."""

    def away(*_: Any) -> None:
        raise LakeError("the catalog is away")

    def fails(work: Workspace) -> None:
        monkeypatch.setattr(Lake, "table", away)
        raise PipelineError("the reason")

    arguments = ["--from-day", f"{day(0)}", "--to-day", f"{day(0)}", "--run", RUN]
    with pytest.raises(PipelineError, match=r"^the reason$"):
        run_job("lake_days", [fails], arguments)


def test_contact_data_never_enters_the_lake(place: Settings) -> None:
    basics(place, ONE)
    land(place, "users", day(0), "more.jsonl",
         '{"user_id": 9, "registered_at": "2026-01-01", "email": "me@example.org"}\n'
         '{"user_id": "x", "registered_at": "2026-01-01", "email": "you@example.org"}\n'
         '{"user_id": 8, "email": "cut@example.org"')  # fmt: skip
    land(place, "users", day(0), "shifted.csv",
         "user_id,email,registered_at\n7,me,you@example.org,2026-01-01\n")  # fmt: skip
    land(place, "events", day(0), "e.csv", csv_of(event("a", day(0))))
    build()
    judge_and_publish()
    assert len(rows(place, "core.rejected_dimensions")) == 3
    lake = Path(place.lake_uri)
    holding = [
        path for path in lake.rglob("*") if path.is_file() and b"@example.org" in path.read_bytes()
    ]
    assert holding == []
    for name in lake_tables(load_config(place).events.names):
        if name.startswith("core."):
            assert "@example.org" not in str(rows(place, name))


def test_all_four_jobs_are_in_the_daily_application() -> None:
    assert [build.__module__ for build in lake_days.BUILDS] == [
        "spark_jobs.dimensions",
        "spark_jobs.events",
        "spark_jobs.daily_activity",
        "spark_jobs.features",
    ]
