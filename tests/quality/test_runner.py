"""The audit, with Great Expectations itself: what is wrong is found, named, and graded."""

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from include.config import load_config
from include.contracts import Table
from include.quality import rules
from include.quality.rules import Rule
from include.quality.runner import Audit
from include.quality.staged_rows import StagedRows
from include.quality.verdict import ExpectationResult
from include.settings import load_settings

DAY = date(2026, 3, 10)
QUALITY = load_config(load_settings({})).quality
GOOD: dict[str, Any] = {
    "event_id": "a",
    "occurred_at": datetime(2026, 3, 10, tzinfo=UTC),
    "user_id": 1,
    "listing_id": 2,
    "event_type": "view",
    "value": 1.0,
    "category": "cars",
    "ingest_date": DAY,
}


def check(
    contract: Table, rows: list[dict[str, Any]], folder: Path, only: tuple[Rule, ...] = ()
) -> list[ExpectationResult]:
    """Audit rows as if a job had staged them, in two files."""
    schema, files = contract.arrow_schema(), []
    for number, part in enumerate((rows[:1], rows[1:])):
        if part:
            path = folder / f"part-{number}.parquet"
            pq.write_table(pa.Table.from_pylist(part, schema=schema), path)
            files.append(path.as_uri())
    every = only or rules(contract, QUALITY)
    docs = Path(tempfile.mkdtemp(dir=folder))
    return Audit(docs).check(contract.name, files, schema, every)


def failures(tables: dict[str, Table], folder: Path, *rows: dict[str, Any]) -> Any:
    found = check(tables["core.events"], [GOOD | row for row in rows], folder)
    return [(r.severity, r.expectation.split("(")[0], r.column) for r in found if not r.success]


def test_good_rows_meet_every_rule(tables: dict[str, Table], tmp_path: Path) -> None:
    assert failures(tables, tmp_path, {}, {"event_id": "b"}) == []


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"event_type": "x"}, ("critical", "ExpectColumnValuesToBeInSet", "event_type")),
        ({"user_id": None}, ("critical", "ExpectColumnValuesToNotBeNull", "user_id")),
        ({"listing_id": -1}, ("critical", "ExpectColumnValuesToBeBetween", "listing_id")),
        ({"event_id": "a"}, ("critical", "ExpectCompoundColumnsToBeUnique",
                             "ingest_date, event_id")),
        ({"category": "(unknown)"}, ("warning", "ExpectColumnValuesToNotBeInSet", "category")),
    ],
)  # fmt: skip
def test_a_bad_row_is_found_and_its_column_named(
    tables: dict[str, Table],
    tmp_path: Path,
    change: dict[str, Any],
    failure: tuple[str, str, str],
) -> None:
    assert failures(tables, tmp_path, {}, {"event_id": "b"} | change) == [failure]


def test_an_empty_day_is_a_warning(tables: dict[str, Table], tmp_path: Path) -> None:
    assert failures(tables, tmp_path) == [("warning", "ExpectTableRowCountToBeBetween", "")]


def test_what_was_seen_is_told_and_the_docs_can_be_opened(
    tables: dict[str, Table], tmp_path: Path
) -> None:
    contract = tables["core.events"]
    path = tmp_path / "rows.parquet"
    pq.write_table(
        pa.Table.from_pylist([GOOD | {"user_id": -5}], schema=contract.arrow_schema()), path
    )
    audit = Audit(tmp_path)
    found = audit.check(
        contract.name, [path.as_uri()], contract.arrow_schema(), rules(contract, QUALITY)
    )
    (failure,) = [result for result in found if not result.success]
    assert failure.observed == "1 of 1 rows, such as [-5]"
    page = audit.write_docs(tmp_path)
    assert page.exists()
    assert "core.events" in page.read_text(encoding="utf-8")


def test_windows_that_are_not_nested_are_found(tables: dict[str, Table], tmp_path: Path) -> None:
    contract = tables["features.category"]
    good = {
        c.name: "cars" if c.type == "string" else DAY if c.type == "date" else 5
        for c in contract.columns
    }
    assert all(r.success for r in check(contract, [good], tmp_path))
    found = check(contract, [good | {"view_count_1d": 6}], tmp_path)
    assert [r.column for r in found if not r.success] == ["windows_are_nested"]


def test_every_table_has_rules(tables: dict[str, Table]) -> None:
    for contract in tables.values():
        assert rules(contract, QUALITY)
        assert all(rule.reason for rule in rules(contract, QUALITY))
        keyless = replace(contract, key=())
        assert len(rules(keyless, QUALITY)) == len(rules(contract, QUALITY)) - bool(contract.key)


def test_one_reaction_in_a_million_is_a_rare_campaign_and_none_is_a_mistake(
    tables: dict[str, Table], tmp_path: Path
) -> None:
    """Bounds that the sample suggested stopped a rare mix: the mean of labels was below 0.0005."""
    scores = tables["scores.campaign_propensity"]
    labels = tables["training.examples"]
    for contract, column in ((scores, "score"), (labels, "label")):
        (rule,) = [
            rule
            for rule in rules(contract, QUALITY)
            if rule.expectation == "ExpectColumnMeanToBeBetween"
            and rule.arguments["column"] == column
        ]
        for positives, is_fine in ((1, True), (0, False)):
            path = tmp_path / f"{column}-{positives}.parquet"
            values = pa.array(range(1_000_000)).to_numpy() < positives
            pq.write_table(pa.table({column: pa.array(values.astype("float64"))}), path)
            audit = Audit(tmp_path / f"docs-{column}-{positives}")
            (found,) = audit.check(contract.name, [str(path)], contract.arrow_schema(), (rule,))
            assert found.success == is_fine, found.observed


def test_keys_that_share_a_hash_are_no_failure(
    tables: dict[str, Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer hashes than rows prove nothing; as many do."""
    monkeypatch.setattr(StagedRows, "distinct", lambda *_: 1)
    assert failures(tables, tmp_path, {}, {"event_id": "b"}) == []
    assert failures(tables, tmp_path, {}, {}) == [
        ("critical", "ExpectCompoundColumnsToBeUnique", "ingest_date, event_id")
    ]


def test_a_value_that_is_no_number_is_out_of_bounds(
    tables: dict[str, Table], tmp_path: Path
) -> None:
    assert failures(tables, tmp_path, {"value": float("nan")}) == [
        ("critical", "ExpectColumnValuesToBeBetween", "value")
    ]


def test_rows_of_another_store_are_fetched_for_the_audit_alone(
    tables: dict[str, Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for HDFS: nothing but PyArrow knows where its files are."""
    contract = tables["core.events"]
    (tmp_path / "bucket").mkdir()
    bad = [GOOD | {"user_id": -5}]
    pq.write_table(
        pa.Table.from_pylist(bad, schema=contract.arrow_schema()), tmp_path / "bucket/rows.parquet"
    )

    far = fs.SubTreeFileSystem(f"{tmp_path}", fs.LocalFileSystem())
    monkeypatch.setattr(
        "include.quality.staged_rows.system_of", lambda uri: (far, uri.removeprefix("store://"))
    )
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    found = Audit(tmp_path / "docs").check(
        contract.name, ["store:///bucket/rows.parquet"], contract.arrow_schema(),
        rules(contract, QUALITY),
    )  # fmt: skip
    assert [r.column for r in found if not r.success] == ["user_id"]
    assert not list((tmp_path / "temporary").glob("propensity-audit-*"))


def test_what_does_not_fit_into_memory_goes_to_temporary_files() -> None:
    staged = StagedRows()
    seen = staged.database.execute(
        "select current_setting('temp_directory'), current_setting('TimeZone')"
    ).fetchall()
    assert seen == [(tempfile.gettempdir(), "UTC")]
