"""What a stage says of itself, in one JSON line."""

import json
from datetime import date

import pytest
from pyspark.sql import SparkSession

from include.days import Days
from include.settings import Settings
from spark_jobs.stage_log import StageLog
from tests.integration.landing_files import basics, csv_of, day, event, land
from tests.integration.nights import night, steps

DAY = date(2026, 3, 1)


def test_a_stage_counts_what_it_read_and_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    log = StageLog(Days(DAY, DAY), "attempt")
    with log.stage("events", "lake_days"):
        log.read("core.listings", 5)
        log.read("core.listings", 5)  # looked at twice, one table
        log.wrote("core.events", 2)
        log.wrote("core.rejected_events", 1)
    with log.stage("features", "lake_days"):
        pass
    one, two = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert one.pop("duration_s") >= 0
    assert one == {
        "stage": "events", "job": "lake_days", "attempt": "attempt", "first_day": "2026-03-01",
        "last_day": "2026-03-01", "input": {"core.listings": 5},
        "output": {"core.events": 2, "core.rejected_events": 1}, "rows": 3,
    }  # fmt: skip
    assert (two["input"], two["output"], two["rows"]) == ({}, {}, 0)


def test_a_job_says_it_of_each_of_its_builds(
    place: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    days = Days(day(0), day(0))
    basics(place, days)
    rows = [event("a", day(0)), event("b", day(0)), event("c", day(0), value="much")]
    land(place, "events", day(0), "e.csv", csv_of(*rows))
    night(days, "lake/one")
    capsys.readouterr()
    # Again: what is replaced is not read.
    steps(days, "lake/two")["build"]()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"stage"')]
    stages = {line["stage"]: line for line in map(json.loads, lines)}
    assert list(stages) == ["dimensions", "events", "daily_activity", "features"]
    assert stages["dimensions"]["input"]["landing/users"] == 3
    assert stages["events"]["input"]["landing/events"] == 3
    assert stages["events"]["output"] == {"core.events": 2, "core.rejected_events": 1}
    assert stages["daily_activity"]["input"] == {"core.events": 2}
