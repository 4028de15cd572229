"""Data Docs: what pages share is there once, and attempts of no interest go."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.quality.docs_upkeep import ASSETS, SHARED, prune_docs, share_assets
from include.quality.rules import Rule
from include.quality.runner import Audit

NOW = datetime(2026, 3, 10, tzinfo=UTC)
RULE = Rule(expectation="ExpectColumnValuesToNotBeNull", reason="always", arguments={"column": "n"})


def audited(root: Path, attempt: str) -> Path:
    """The page of an attempt's Data Docs."""
    schema = pa.schema([("n", pa.int64())])
    rows = root.parent / "rows.parquet"
    pq.write_table(pa.table({"n": [1]}, schema), rows)
    audit = Audit(root / "job" / "2026-03-10" / attempt)
    audit.check("t", [rows.as_uri()], schema, (RULE,))
    return audit.write_docs(root)


def size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def test_pages_of_all_attempts_share_their_assets(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    pages = [audited(root, attempt) for attempt in ("a", "b")]
    (shared,) = root.glob(f"{SHARED}*")
    assert size_bytes(shared) > 3_000_000
    for page in pages:
        assets = page.parent / ASSETS
        assert assets.is_symlink()
        assert assets.resolve() == shared.resolve()
        names = re.findall(r'(?:src|href)="([^"]*static/[^"?]*)', page.read_text())
        assert names
        assert all((page.parent / name).exists() for name in names), names
    for attempt in (root / "job" / "2026-03-10").iterdir():
        assert sum(p.lstat().st_size for p in attempt.rglob("*") if not p.is_symlink()
                   and p.is_file()) < 500_000  # fmt: skip


def test_many_at_once_share_one_copy(tmp_path: Path) -> None:
    sites = [tmp_path / f"{number}" for number in range(20)]
    for site in sites:
        (site / ASSETS / "fonts").mkdir(parents=True)
        (site / ASSETS / "fonts" / "f").write_text("font")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda site: share_assets(site, tmp_path / "shared"), sites))
    assert {(site / ASSETS).is_symlink() for site in sites} == {True}
    assert {(site / ASSETS / "fonts" / "f").read_text() for site in sites} == {"font"}
    assert [*(tmp_path / "shared").iterdir()] == [tmp_path / "shared" / "fonts"]


def made(root: Path, attempt: str, age_days: float) -> Path:
    folder = root / "lake_days" / attempt[:5] / attempt
    page = folder / "gx" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("page")
    (page.parent / ASSETS).symlink_to(root / f"{SHARED}1")
    then = (NOW - timedelta(days=age_days)).timestamp()
    for path in (page, page.parent, folder):
        os.utime(path, (then, then))
    return folder


def prune(root: Path) -> int:
    return prune_docs(
        root, {"needed"}, {"needed", "passed", "passed-just-now"},
        running_since=NOW - timedelta(days=7), failed_since=NOW - timedelta(days=90),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attempt", "age_days", "stays"),
    [
        ("needed", 300, True),
        ("passed", 8, False),
        ("passed-just-now", 6, True),
        ("failed", 89, True),
        ("failed", 91, False),
    ],
)
def test_which_stay(tmp_path: Path, attempt: str, age_days: float, stays: bool) -> None:
    (tmp_path / f"{SHARED}1" / "fonts" / "f").mkdir(parents=True)
    folder = made(tmp_path, attempt, age_days)
    assert prune(tmp_path) == (not stays)
    assert folder.exists() == stays
    assert (tmp_path / "lake_days").exists() == stays, "no empty folders"
    assert (tmp_path / f"{SHARED}1" / "fonts" / "f").exists()
    assert prune(tmp_path) == 0


def test_a_second_name_of_an_attempt_is_no_attempt(tmp_path: Path) -> None:
    for attempt in ("needed", "failed"):
        folder = made(tmp_path, attempt, 300)
        (folder.parent / f"look-at-{attempt}").symlink_to(attempt)
    assert prune(tmp_path) == 1
    assert (tmp_path / "lake_days" / "neede" / "needed" / "gx" / "index.html").exists()
    assert prune(tmp_path) == 0


def test_there_may_be_none(tmp_path: Path) -> None:
    assert prune(tmp_path / "nowhere") == 0
