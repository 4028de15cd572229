"""The lake, on a real catalog: replace, repeat, neighbours in parallel, snapshots that stay."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from include.contracts import Column
from include.contracts.core import USERS
from include.contracts.features import user_category_daily
from include.errors import LakeError
from include.lake.commit import commit
from include.lake.staging import parquet_files
from include.lake.tables import TABLE_PROPERTIES, Lake
from include.settings import Settings
from spark_jobs.transforms.windows import user_category

DAY = date(2026, 3, 10)
NEXT = DAY + timedelta(days=1)


def stage(lake: Lake, attempt: str, rows: dict[date, list[int]]) -> list[str]:
    """Write one file a day, as a job does; a list of users each."""
    lake.create(USERS)
    uri = lake.stage_uri(USERS, attempt)
    for day, users in rows.items():
        folder = f"{uri.removeprefix('file://')}/_day={day}"
        pa.fs.LocalFileSystem().create_dir(folder, recursive=True)
        table = pa.table(
            {
                "user_id": users,
                "registered_at": [datetime(2026, 1, 1, tzinfo=UTC)] * len(users),
                "ingest_date": [day] * len(users),
            },
            schema=USERS.arrow_schema(),
        )
        pq.write_table(table, f"{folder}/part-0.parquet")
    return parquet_files(uri)


def users(lake: Lake, snapshot: int | None = None) -> dict[date, set[int]]:
    found: dict[date, set[int]] = {}
    for row in lake.arrow(USERS, snapshot_id=snapshot).to_pylist():
        found.setdefault(row["ingest_date"], set()).add(row["user_id"])
    return found


@pytest.fixture
def lake(place: Settings) -> Lake:
    return Lake(place)


def test_staged_files_are_not_visible_before_the_commit(lake: Lake) -> None:
    files = stage(lake, "a", {DAY: [1]})
    assert users(lake) == {}
    assert lake.snapshot_id(USERS) is None
    commit(lake, USERS, [DAY], files, {"job": "test"})
    assert users(lake) == {DAY: {1}}
    assert lake.days(USERS) == {DAY}


def test_a_commit_replaces_exactly_its_days_and_old_snapshots_stay(lake: Lake) -> None:
    first = commit(lake, USERS, [DAY, NEXT], stage(lake, "a", {DAY: [1], NEXT: [2]}), {})
    second = commit(lake, USERS, [DAY], stage(lake, "b", {DAY: [3]}), {})
    assert users(lake) == {DAY: {3}, NEXT: {2}}
    assert users(lake, first) == {DAY: {1}, NEXT: {2}}
    assert first != second


def test_a_day_without_rows_becomes_empty(lake: Lake) -> None:
    commit(lake, USERS, [DAY, NEXT], stage(lake, "a", {DAY: [1], NEXT: [2]}), {})
    commit(lake, USERS, [DAY], [], {})
    assert users(lake) == {NEXT: {2}}


def test_committing_the_same_files_again_changes_nothing(lake: Lake) -> None:
    files = stage(lake, "a", {DAY: [1]})
    assert commit(lake, USERS, [DAY], files, {}) == commit(lake, USERS, [DAY], files, {})
    assert users(lake) == {DAY: {1}}


def test_a_snapshot_says_where_it_comes_from(lake: Lake) -> None:
    commit(lake, USERS, [DAY], stage(lake, "a", {DAY: [1]}), {"job": "dimensions", "attempt": "a"})
    snapshot: Any = lake.table(USERS).current_snapshot()
    assert snapshot.summary["propensity.job"] == "dimensions"
    assert snapshot.summary["propensity.attempt"] == "a"


def test_neighbours_commit_in_parallel_and_none_is_lost(lake: Lake, place: Settings) -> None:
    days = [DAY + timedelta(days=n) for n in range(8)]
    staged = {day: stage(lake, f"attempt-{n}", {day: [n]}) for n, day in enumerate(days)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: commit(Lake(place), USERS, [day], staged[day], {}), days))
    assert users(lake) == {day: {n} for n, day in enumerate(days)}


def test_days_far_apart_are_replaced_without_touching_those_between(lake: Lake) -> None:
    days = [DAY + timedelta(days=n) for n in range(5)]
    commit(lake, USERS, days, stage(lake, "a", {day: [n] for n, day in enumerate(days)}), {})
    ends = [days[0], days[4]]
    commit(lake, USERS, ends, stage(lake, "b", {day: [9] for day in ends}), {})
    assert users(lake) == {days[0]: {9}, days[1]: {1}, days[2]: {2}, days[3]: {3}, days[4]: {9}}


def test_a_new_column_is_added_and_a_changed_type_is_refused(lake: Lake) -> None:
    lake.create(USERS)
    country = Column(name="country", type="string", description="Where they live.", nullable=True)
    wider = replace(USERS, columns=(*USERS.columns, country))
    assert "country" in {field.name for field in lake.create(wider).schema().fields}
    as_text = replace(USERS.column("user_id"), type="string")
    with pytest.raises(LakeError, match=r"core.users.user_id is long in the lake and string"):
        lake.create(replace(USERS, columns=(as_text, *USERS.columns[1:])))


def test_a_table_of_an_older_version_gets_todays_properties(lake: Lake) -> None:
    lake.create(USERS)
    with lake.table(USERS).transaction() as transaction:
        transaction.remove_properties("commit.manifest-merge.enabled", "commit.retry.num-retries")
        transaction.set_properties({"write.metadata.previous-versions-max": "100", "own": "x"})
    lake.create(USERS)
    made = lake.table(USERS)
    assert TABLE_PROPERTIES.items() <= made.properties.items()
    assert made.properties["own"] == "x"
    lake.create(USERS)
    assert lake.table(USERS).metadata_location == made.metadata_location


def test_a_missing_table_is_named(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"the lake has no table core.users"):
        lake.table(USERS)


def test_a_stream_gives_batches_of_a_snapshot_and_null_for_what_an_old_file_lacks(
    lake: Lake,
) -> None:
    first = commit(lake, USERS, [DAY, NEXT], stage(lake, "a", {DAY: [1, 2, 3], NEXT: [4]}), {})
    commit(lake, USERS, [DAY], stage(lake, "b", {DAY: [9]}), {})
    by_day = lake.files_by_day(USERS, first)
    assert {day: [file.row_count for file in files] for day, files in by_day.items()} == {
        DAY: [3], NEXT: [1]
    }  # fmt: skip
    uris = [file.uri for day in sorted(by_day) for file in by_day[day]]
    grown = replace(USERS, columns=(*USERS.columns, Column(name="city", type="string",
                                                           description="new")))  # fmt: skip
    batches = list(lake.stream(grown, uris, ["city", "user_id"], 2))
    assert [batch.num_rows for batch in batches] == [2, 1, 1]
    rows = pa.Table.from_batches(batches).to_pylist()
    assert rows == [{"city": None, "user_id": user} for user in (1, 2, 3, 4)]
    assert set(lake.files_by_day(USERS)) == {DAY, NEXT}


def test_a_new_event_type_counts_nothing_before_it_existed(lake: Lake, spark: SparkSession) -> None:
    """Whoever reads: Spark, a stream, batches; and the windows over both kinds of days add up."""
    before, after = (user_category_daily(types) for types in (("view",), ("view", "call")))
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    for contract, day, counts in (
        (before, DAY, {"view_count": 2}),
        (after, NEXT, {"view_count": 3, "call_count": 1}),
    ):
        lake.create(contract)
        row = {"user_id": 7, "category": "cars", "event_date": day, "value_sum": 0.0,
               "last_occurred_at": noon, "ingest_date": day, **counts}  # fmt: skip
        folder = f"{lake.stage_uri(contract, 'a').removeprefix('file://')}/_day={day}"
        pa.fs.LocalFileSystem().create_dir(folder, recursive=True)
        pq.write_table(pa.Table.from_pylist([row], contract.arrow_schema()), f"{folder}/p.parquet")
        uri = f"file://{folder}/p.parquet"
        commit(lake, contract, [day], [uri], {})

    expected = {DAY: 0, NEXT: 1}
    rows = lake.read(spark, after, lake.data_files(after))
    assert {r.ingest_date: r.call_count for r in rows.collect()} == expected
    assert {r["ingest_date"]: r["call_count"] for r in lake.arrow(after).to_pylist()} == expected
    streamed = lake.stream(after, lake.files(after), ["ingest_date", "call_count"], 10)
    assert {r["ingest_date"]: r["call_count"] for b in streamed for r in b.to_pylist()} == expected
    features = {
        r.feature_date: (r.view_count_7d, r.call_count_7d, r.call_decayed_30d)
        for r in user_category(rows, [DAY, NEXT], ("view", "call")).collect()
    }
    assert features == {DAY: (2, 0, 0.0), NEXT: (5, 1, 1.0)}
