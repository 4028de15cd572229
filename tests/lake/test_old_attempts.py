"""What attempts left goes by age, and nothing that the ledger, a gate or a run still needs."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from include.config import Retention
from include.contracts.core import LISTINGS
from include.database.engine import engine
from include.errors import LakeError
from include.lake.failures import Failure, failure_uri, read_failure, write_failure
from include.lake.old_attempts import (
    drop_verdicts,
    forget_old_attempts,
    needed_attempts,
    passed_attempts,
    remove_old_receipts,
)
from include.lake.publish import publish
from include.lake.receipts import read_receipt, receipt_uri
from include.lake.tables import Lake
from include.lake.upkeep import remove_orphans
from include.settings import Settings
from tests.lake.attempts import begin, build, built_and_published

DAY, NOW = date(2026, 3, 10), datetime.now(UTC)
KEEP = Retention(published_days=400, superseded_days=30, lake_snapshot_days=90, staged_days=7)


def verdict(place: Settings, attempt: str, severity: str, success: bool, age_days: int) -> None:
    with engine(place).begin() as connection:
        connection.execute(
            text("insert into analytics.quality_results values (:attempt, 't', :e, '', :day, :day, "
                 ":severity, :success, 'why', '', :at)"),
            {"attempt": attempt, "e": f"{severity} {success}", "severity": severity, "day": DAY,
             "success": success, "at": NOW - timedelta(days=age_days)},
        )  # fmt: skip


def age(folder: Path, days: float) -> None:
    then = time.time() - days * 86_400
    for path in (*folder.iterdir(), folder):
        os.utime(path, (then, then))


def test_the_ledger_needs_what_the_newest_days_are_made_of(place: Settings) -> None:
    lake = Lake(place)
    for attempt, offset in (("old", 0), ("replaced", 20), ("newest", 20), ("of-2062", 13_000)):
        built_and_published(
            lake, attempt, {LISTINGS.name: {DAY + timedelta(days=offset): [offset]}}
        )
        if attempt == "replaced":
            built_and_published(lake, "other", {LISTINGS.name: {DAY + timedelta(days=20): [9]}})
    with engine(place).connect() as connection:
        assert needed_attempts(connection, 20, date(2026, 9, 1)) == {"newest", "of-2062"}
        assert needed_attempts(connection, 21, date(2026, 9, 1)) == {"old", "newest", "of-2062"}
        assert needed_attempts(connection, 20, date(2026, 1, 1)) == set()


def test_verdicts_go_by_age_and_say_who_passed(place: Settings) -> None:
    for attempt, age_days in (("passed", 500), ("needed", 500), ("young", 300)):
        verdict(place, attempt, "critical", True, age_days)
        verdict(place, attempt, "warning", False, age_days)
    verdict(place, "failed", "critical", True, 300)
    verdict(place, "failed", "critical", False, 300)
    with engine(place).begin() as connection:
        assert passed_attempts(connection) == {"passed", "needed", "young"}
        before = NOW - timedelta(days=400)
        assert drop_verdicts(connection, before, {"needed"}) == 2
        assert drop_verdicts(connection, before, {"needed"}) == 0
        assert passed_attempts(connection) == {"needed", "young"}


def test_a_runs_receipts_go_together(place: Settings) -> None:
    lake, folders = Lake(place), Path(place.lake_uri) / "_receipts"
    for run in ("old", "cleared-again", "young"):
        build(lake, run, run, {LISTINGS.name: {DAY: [1]}}, begin(lake))
        said = Failure(attempt=run, sentence="s", is_final=False)
        write_failure(failure_uri(place, run, "lake_days"), said)
    for run in ("old", "cleared-again"):
        age(folders / run, 91)
    os.utime(folders / "cleared-again" / "lake_days.json")
    (folders / "begins").mkdir()
    assert remove_old_receipts(place, NOW - timedelta(days=90)) == 2
    assert {path.name for path in folders.iterdir()} == {"cleared-again", "young", "begins"}
    assert read_failure(failure_uri(place, "cleared-again", "lake_days"))
    assert remove_old_receipts(place, NOW - timedelta(days=90)) == 0
    publish("lake_days", "cleared-again")
    with pytest.raises(LakeError, match=r"longer than `receipts_days` ago .*; clear it"):
        publish("lake_days", "old")


def test_what_was_staged_too_long_ago_is_built_again(place: Settings) -> None:
    lake = Lake(place)
    build(lake, "late", "late", {LISTINGS.name: {DAY: [1]}}, begin(lake))
    remove_orphans(lake, LISTINGS, NOW + timedelta(days=1))
    with pytest.raises(LakeError, match=r"attempt late staged .* isn't there any more .*`build`$"):
        publish("lake_days", "late")


def test_receipts_that_a_link_leads_to_are_somebody_elses(place: Settings, tmp_path: Path) -> None:
    folders = Path(place.lake_uri) / "_receipts"
    theirs = tmp_path / "run" / "notes.json"
    theirs.parent.mkdir()
    theirs.write_text("x")
    age(theirs.parent, 91)
    folders.mkdir(parents=True)
    (folders / "run").symlink_to(theirs.parent)
    assert remove_old_receipts(place, NOW - timedelta(days=90)) == 0
    assert theirs.exists()


def test_what_waits_at_a_gate_keeps_all_that_it_needs(place: Settings) -> None:
    lake = Lake(place)
    build(lake, "waits", "waits", {LISTINGS.name: {DAY: [1]}}, begin(lake))
    docs = place.data_docs_path / "lake_days" / f"{DAY}" / "waits"
    docs.mkdir(parents=True)
    (docs / "index.html").write_text("said")
    verdict(place, "waits", "critical", False, 6)
    said = forget_old_attempts(place, KEEP, NOW + timedelta(days=6))
    assert said == ("0 receipts and words of failure, Data Docs of 0 attempts, 0 verdicts deleted")
    assert read_receipt(receipt_uri(place, "waits", "lake_days")).attempt == "waits"
    assert (docs / "index.html").exists()
    assert remove_old_receipts(place.model_copy(update={"lake": "/nowhere"}), NOW) == 0
