"""A day that was delivered twice: every event is suspect, and they are judged a part at a time."""

from typing import Any

import pytest

from include.errors import PipelineError
from include.lake.failures import failure_uri, read_failure
from include.settings import Settings, settings
from spark_jobs import events
from spark_jobs.job import run_job
from spark_jobs.workspace import Workspace
from tests.integration.landing_files import basics, csv_of, day, event, land
from tests.integration.test_bad_input import ONE, RUN, accounting, build, judge_and_publish, rows

pytestmark = pytest.mark.usefixtures("spark")
TABLES = ("core.events", "core.rejected_events")


def twice(place: Settings) -> None:
    basics(place, ONE)
    said = [event(f"e{number}", day(0)) for number in range(40)]
    odd = [event("e7", day(0), user_id=9), event("e8", day(0), user_id="seven"), event("", day(0))]
    land(place, "events", day(0), "first.csv", csv_of(*said, *odd))
    land(place, "events", day(0), "again.csv", csv_of(*said, event("once", day(0))))


def made(place: Settings, run: str) -> dict[str, list[dict[str, Any]]]:
    build(run=run)
    judge_and_publish(run)
    return {table: sorted(rows(place, table), key=repr) for table in TABLES}


def test_in_parts_as_all_at_once(place: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    twice(place)
    at_once, sums = made(place, RUN), accounting(place)
    assert sums == [(day(0), 84, 41, 3, 40)]
    monkeypatch.setattr(events, "SUSPECTS_AT_ONCE", 6)
    assert made(place, f"{RUN}-2") == at_once
    assert accounting(place) == sums


def test_too_little_memory_says_which_setting(place: Settings) -> None:
    basics(place, ONE)

    def build_too_much(_work: Workspace) -> None:
        raise RuntimeError("External error: Resources exhausted: Failed to allocate 5.9 MB")

    arguments = ["--from-day", f"{ONE.first}", "--to-day", f"{ONE.last}", "--run", RUN]
    with pytest.raises(PipelineError):
        run_job("lake_days", [build_too_much], arguments)
    said = read_failure(failure_uri(settings(), RUN, "lake_days"))
    assert said is not None
    assert "PROPENSITY_SPARK_DRIVER_MEMORY (now 4g)" in said.sentence
