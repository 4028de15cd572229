"""Which file is to blame for a job that failed: only one that nobody can read."""

import gzip
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.days import Days
from include.landing import files
from include.landing.files import find_broken
from include.landing.zone import Landing

DAY = Days(date(2026, 3, 1), date(2026, 3, 1))


def blamed(folder: Path) -> str | None:
    return find_broken(Landing(folder.as_uri()), ("events",), DAY)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    folder = tmp_path / "events" / f"date={DAY.first}"
    folder.mkdir(parents=True)
    (folder / "_SUCCESS").touch()
    pq.write_table(
        pa.table({"occurred_at": pa.array([0], pa.timestamp("ms"))}), folder / "a.parquet"
    )
    (folder / "b.csv").write_text("event_id,note\na,b\n")
    (folder / "c.json.gz").write_bytes(gzip.compress(b'{"event_id": "a"}\n'))
    return folder


def test_of_good_files_none(day: Path, tmp_path: Path) -> None:
    assert blamed(tmp_path) is None


@pytest.mark.parametrize("name", ["d.json.gz", "d.csv.gz"])
def test_a_checksum_that_does_not_fit(day: Path, tmp_path: Path, name: str) -> None:
    packed = bytearray(gzip.compress(b"event_id\na\n" * 100))
    packed[-8] ^= 1
    (day / name).write_bytes(packed)
    found = blamed(tmp_path)
    assert found is not None
    assert f"{name}: can't be unpacked to its end" in found


def test_a_store_that_is_away_is_no_fault_of_a_file(
    day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blaming the file would end the night for good; what is only away is tried again."""

    class Away:
        def open_input_stream(self, *_: Any, **__: Any) -> None:
            raise OSError("When reading information for key: network timeout")

    store = SimpleNamespace(from_uri=lambda uri: (Away(), uri))
    with monkeypatch.context() as patch:
        patch.setattr(files, "fs", SimpleNamespace(FileSystem=store))
        assert blamed(tmp_path) is None
    (day / "d.json.gz").write_bytes(gzip.compress(b"{}" * 1_000)[:-9])
    assert "d.json.gz: can't be unpacked to its end" in (blamed(tmp_path) or "")
