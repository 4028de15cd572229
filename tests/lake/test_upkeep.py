"""Taking things out of the lake: one user, old snapshots, orphans; and nothing that is in use."""

import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import Table as IcebergTable
from sqlalchemy.exc import DBAPIError

from include.contracts import Table
from include.contracts.core import REJECTED_EVENTS, USERS
from include.database.engine import engine
from include.database.row_locks import held as held_row
from include.database.tables.lake import LakeLock
from include.errors import LakeError
from include.lake import upkeep
from include.lake.commit import commit
from include.lake.erasure import erase_rows, remember_erased, said_user
from include.lake.lock import PUBLISH
from include.lake.tables import Lake
from include.lake.upkeep import expire, remove_orphans
from include.settings import Settings
from tests.lake.test_tables import DAY, NEXT, stage, users


@pytest.fixture
def lake(place: Settings) -> Lake:
    return Lake(place)


def now() -> datetime:
    return datetime.now(UTC)


def files_below(lake: Lake) -> set[str]:
    root = Path(lake.table(USERS).location().removeprefix("file://"))
    return {str(path.relative_to(root)) for path in root.rglob("*.parquet")}


def age(path: str, days: int) -> None:
    then = time.time() - days * 86_400
    os.utime(path.removeprefix("file://"), (then, then))


def test_a_user_is_gone_from_rows_snapshots_and_files(lake: Lake) -> None:
    commit(lake, USERS, [DAY, NEXT], stage(lake, "a", {DAY: [1, 2], NEXT: [2]}), {})
    commit(lake, USERS, [DAY], stage(lake, "b", {DAY: [1, 2, 3]}), {})
    before = lake.snapshot_id(USERS)
    assert erase_rows(lake, USERS, 2) == {DAY: 1, NEXT: 1}
    assert users(lake) == {DAY: {1, 3}}
    assert users(lake, before)[DAY] == {1, 2, 3}  # not yet
    snapshots, files = expire(lake, USERS, now() + timedelta(seconds=1))
    assert snapshots > 0
    assert files > 3  # data files, and manifests with the bounds of what was in them
    assert users(lake) == {DAY: {1, 3}}
    root = Path(lake.table(USERS).location().removeprefix("file://"))
    for path in root.rglob("*.parquet"):
        assert 2 not in pq.read_table(path).column("user_id").to_pylist()
    assert erase_rows(lake, USERS, 2) == {}


def test_an_empty_table_has_nothing_to_take_out(lake: Lake) -> None:
    lake.create(USERS)
    assert erase_rows(lake, USERS, 2) == {}
    assert expire(lake, USERS, now()) == (0, 0)
    assert remove_orphans(lake, USERS, now()) == 0


def test_snapshots_go_by_age_and_the_current_one_stays(lake: Lake) -> None:
    commit(lake, USERS, [DAY], stage(lake, "a", {DAY: [1]}), {})
    commit(lake, USERS, [DAY], stage(lake, "b", {DAY: [2]}), {})
    assert expire(lake, USERS, now() - timedelta(days=1)) == (0, 0)
    assert {name.split("/")[1] for name in files_below(lake)} == {"a", "b"}
    expire(lake, USERS, now() + timedelta(days=1))
    assert {name.split("/")[1] for name in files_below(lake)} == {"b"}
    assert users(lake) == {DAY: {2}}


@pytest.mark.parametrize("is_before", [True, False])
def test_somebody_else_forgets_the_same_snapshots_meanwhile(
    lake: Lake, place: Settings, monkeypatch: pytest.MonkeyPatch, is_before: bool
) -> None:
    for number, attempt in enumerate("abc"):
        commit(lake, USERS, [DAY], stage(lake, attempt, {DAY: [number]}), {})
    whole, done = upkeep._referenced, []

    def meanwhile(table: IcebergTable) -> Iterator[str]:
        found = [] if is_before else [*whole(table)]
        if not done:
            done.append(table)
            expire(Lake(place), USERS, now() + timedelta(days=1))
        return iter(found or whole(table))

    monkeypatch.setattr(upkeep, "_referenced", meanwhile)
    expire(lake, USERS, now() + timedelta(days=1))
    assert len(lake.table(USERS).metadata.snapshots) == 1
    assert {name.split("/")[1] for name in files_below(lake)} == {"c"}
    assert users(lake) == {DAY: {2}}


def test_orphans_go_but_no_file_of_a_snapshot_and_none_of_a_young_attempt(lake: Lake) -> None:
    committed = stage(lake, "committed", {DAY: [1]})
    commit(lake, USERS, [DAY], committed, {})
    old = stage(lake, "failed", {DAY: [2], NEXT: [2]})
    running = stage(lake, "running", {DAY: [3], NEXT: [3]})
    for path in (*committed, *old, running[0]):  # one file of the running attempt is young
        age(path, 30)
    assert remove_orphans(lake, USERS, now() - timedelta(days=7)) == 2
    assert {name.split("/")[1] for name in files_below(lake)} == {"committed", "running"}
    assert users(lake) == {DAY: {1}}
    assert remove_orphans(lake, USERS, now() - timedelta(days=7)) == 0


def test_refused_rows_of_a_user_go_however_broken(lake: Lake) -> None:
    lake.create(REJECTED_EVENTS)
    broken = '{"_corrupt_record": "{\\"user_id\\": 7, \\"event"}'
    raws = ['{"user_id": "7", "event_type": "psst"}', '{"user_id": 7}', '{"user_id": "77"}',
            broken, '{"user_id": "x"}', "[7]"]  # fmt: skip
    rows = {"raw": raws, "reasons": [["r"]] * 6, "source_file": ["f"] * 6, "ingest_date": [DAY] * 6}
    lake.table(REJECTED_EVENTS).append(pa.table(rows, schema=REJECTED_EVENTS.arrow_schema()))
    assert erase_rows(lake, REJECTED_EVENTS, 7) == {DAY: 3}
    left = lake.arrow(REJECTED_EVENTS).column("raw").to_pylist()
    assert sorted(left) == sorted(['{"user_id": "77"}', '{"user_id": "x"}', "[7]"])


@pytest.mark.parametrize(
    ("raw", "user"),
    [('{"user_id": " 5 "}', 5), ('{"user_id": null}', None), ('user_id: 5', None), ("", None),
     ('{"user_id": "5', 5)],
)  # fmt: skip
def test_whom_a_refused_row_names(raw: str, user: int | None) -> None:
    assert said_user(raw) == user


def test_who_was_erased_is_remembered_once(lake: Lake) -> None:
    from include.contracts.core import ERASED_USERS

    for _ in range(2):
        remember_erased(lake, 7, date(2026, 3, 1))
    assert lake.arrow(ERASED_USERS).to_pylist() == [{"user_id": 7, "erased_date": date(2026, 3, 1)}]


def test_what_only_a_link_leads_to_is_left_alone(lake: Lake, tmp_path: Path) -> None:
    files = stage(lake, "a", {DAY: [1, 2]})
    commit(lake, USERS, [DAY], files, {})
    root = Path(lake.table(USERS).location().removeprefix("file://"))
    # Somebody looked at an attempt, and keeps notes.
    (root / "staged" / "latest").symlink_to("a")
    notes = tmp_path / "notes" / "mine.txt"
    notes.parent.mkdir()
    notes.write_text("x")
    (root / "notes").symlink_to(notes.parent)
    for file in (*files, f"{notes}"):
        age(file, 30)
    assert remove_orphans(lake, USERS, now() - timedelta(days=7)) == 0
    assert users(lake) == {DAY: {1, 2}}
    assert notes.exists()


def test_an_attempt_of_long_ago_is_published_while_orphans_are_deleted(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its gate was cleared after eight days: it was an orphan a moment ago."""
    files = stage(lake, "late", {DAY: [1, 2]})
    for file in files:
        age(file, 8)
    asked = []
    ask = upkeep._unreferenced

    def then(held: Lake, contract: Table, paths: Sequence[str]) -> list[str]:
        found = ask(held, contract, paths)
        if not asked:
            commit(lake, USERS, [DAY], files, {})
        else:
            # From here on nobody publishes.
            with pytest.raises(DBAPIError), held_row(engine(lake.settings), LakeLock, PUBLISH, 50):
                pass
        asked.append(len(found))
        return found

    monkeypatch.setattr(upkeep, "_unreferenced", then)
    assert remove_orphans(lake, USERS, now() - timedelta(days=7)) == 0
    assert asked == [1, 0]
    assert users(lake) == {DAY: {1, 2}}


def test_a_snapshot_that_was_forgotten_is_no_empty_table(lake: Lake) -> None:
    commit(lake, USERS, [DAY], stage(lake, "a", {DAY: [1, 2]}), {})
    before = lake.snapshot_id(USERS)
    commit(lake, USERS, [NEXT], stage(lake, "b", {NEXT: [1]}), {})
    expire(lake, USERS, now() + timedelta(seconds=1))
    said = f"core.users has no snapshot {before} any more: it was forgotten"
    with pytest.raises(LakeError, match=said):
        lake.data_files(USERS, snapshot_id=before)
    with pytest.raises(LakeError, match=said):
        lake.arrow(USERS, snapshot_id=before)
