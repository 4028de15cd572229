"""The audit, with Great Expectations itself: what is wrong is found, named, and graded."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from include.config import load_config
from include.contracts import Table
from include.quality import rules
from include.quality.runner import Audit
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


def events(spark: SparkSession, tables: dict[str, Table], *rows: dict[str, Any]) -> DataFrame:
    return spark.createDataFrame(
        [tuple((GOOD | row).values()) for row in rows], tables["core.events"].spark_schema()
    )


def failures(
    spark: SparkSession, tables: dict[str, Table], docs: Path, *rows: dict[str, Any]
) -> Any:
    contract = tables["core.events"]
    found = Audit(docs).check(contract.name, events(spark, tables, *rows), rules(contract, QUALITY))
    return [(r.severity, r.expectation.split("(")[0], r.column) for r in found if not r.success]


def test_good_rows_meet_every_rule(
    spark: SparkSession, tables: dict[str, Table], tmp_path: Path
) -> None:
    assert failures(spark, tables, tmp_path, {}, {"event_id": "b"}) == []


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
    spark: SparkSession,
    tables: dict[str, Table],
    tmp_path: Path,
    change: dict[str, Any],
    failure: tuple[str, str, str],
) -> None:
    assert failures(spark, tables, tmp_path, {}, {"event_id": "b"} | change) == [failure]


def test_an_empty_day_is_a_warning(
    spark: SparkSession, tables: dict[str, Table], tmp_path: Path
) -> None:
    assert failures(spark, tables, tmp_path) == [("warning", "ExpectTableRowCountToBeBetween", "")]


def test_what_was_seen_is_told_and_the_docs_can_be_opened(
    spark: SparkSession, tables: dict[str, Table], tmp_path: Path
) -> None:
    contract = tables["core.events"]
    audit = Audit(tmp_path)
    found = audit.check(
        contract.name, events(spark, tables, {"user_id": -5}), rules(contract, QUALITY)
    )
    (failure,) = [result for result in found if not result.success]
    assert failure.observed == "1 of 1 rows, such as [-5]"
    page = audit.write_docs()
    assert page.exists()
    assert "core.events" in page.read_text(encoding="utf-8")


def test_windows_that_are_not_nested_are_found(
    spark: SparkSession, tables: dict[str, Table], tmp_path: Path
) -> None:
    contract = tables["features.category"]
    values = [
        "cars" if c.type == "string" else DAY if c.type == "date" else 5 for c in contract.columns
    ]
    good = spark.createDataFrame([tuple(values)], contract.spark_schema())
    assert all(r.success for r in Audit(tmp_path / "a").check("t", good, rules(contract, QUALITY)))
    bad = good.withColumn("view_count_1d", good.view_count_1d + 1)
    found = Audit(tmp_path / "b").check("t", bad, rules(contract, QUALITY))
    assert [r.column for r in found if not r.success] == ["windows_are_nested"]


def test_every_table_has_rules(tables: dict[str, Table]) -> None:
    for contract in tables.values():
        assert rules(contract, QUALITY)
        assert all(rule.reason for rule in rules(contract, QUALITY))
        keyless = replace(contract, key=())
        assert len(rules(keyless, QUALITY)) == len(rules(contract, QUALITY)) - bool(contract.key)


def test_one_reaction_in_a_million_is_a_rare_campaign_and_none_is_a_mistake(
    spark: SparkSession, tables: dict[str, Table], tmp_path: Path
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
            rows = spark.range(1_000_000).selectExpr(f"double(id < {positives}) as {column}")
            docs = tmp_path / f"{column}-{positives}"
            (found,) = Audit(docs).check(contract.name, rows, (rule,))
            assert found.success == is_fine, found.observed
