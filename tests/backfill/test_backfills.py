"""Airflow's backfills as people use them, and models of the past, on the real data.

    make test-backfill SUITES=backfills

On a running scheduler, from where `make run` left everything. Each test goes on from the last.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.orchestration.waits import STUCK
from include.settings import settings
from tests.acceptance.commands import say, sql
from tests.backfill.contents import Contents, contents, differences
from tests.backfill.own_airflow import begin_backfill, begin_trigger, ended, log_of, settle
from tests.backfill.own_home import begin_again
from tests.backfill.story import DAYS, FIRST, LAST, MONDAY, told

pytestmark = [pytest.mark.backfills, pytest.mark.usefixtures("home")]

SECOND, THIRD = "2017-12-26", "2017-12-27"
BEFORE_MODELS, TRAINED, CHAMPION = "2017-12-16", "2017-12-17", "2017-12-24"
"""Nobody was champion on the first; one model is trained as of the second; `make run`'s of the
third."""
PUBLISHED = (
    "select score_date, model_version, model_policy from predictions.publications "
    "where status = 'published' order by 1"
)
BY_ROW = (
    "select r.score_date, r.model_version, p.model_policy, p.status, count(*) from "
    "predictions.campaign_propensity r left join predictions.publications p "
    "using (publication_id, score_date, model_version) group by 1, 2, 3, 4 order by 1"
)
LAKE = ("core", "features", "analytics.lake_partitions", "analytics.ingest")


def attempts() -> dict[tuple[str, str], str]:
    """The last attempt of each Spark application that ended well, by run and job."""
    found = {}
    for path in Path(settings().lake_uri).glob("_receipts/*/*.json"):
        # Beside it there may be what an attempt failed with.
        if path.suffixes == [".json"]:
            receipt = json.loads(path.read_text(encoding="utf-8"))
            found[path.parent.name, path.stem] = receipt["attempt"]
    return found


def applications(act: Callable[[], object]) -> Counter[str]:
    """How many Spark applications something takes, by job."""
    before = attempts()
    act()
    new = Counter(job for (run, job), one in attempts().items() if before.get((run, job)) != one)
    say(f"  Spark applications: {dict(new)}")
    return new


def lake_daily(behavior: str = "none", days: int = DAYS, **how: object) -> None:
    """All days of the week, to the end; nothing may fail."""
    runs = begin_backfill("lake_daily", FIRST, LAST, days, behavior, **how)  # type: ignore[arg-type]
    assert settle(runs) == 0


def score_daily(
    first: str, last: str, days: int, behavior: str = "completed", **how: object
) -> None:
    runs = begin_backfill("score_daily", first, last, days, behavior, **how)  # type: ignore[arg-type]
    assert settle(runs) == 0


def published() -> dict[str, tuple[str, str]]:
    """Model and policy by published day; each row says the same."""
    found = {}
    for row in sql(PUBLISHED).splitlines():
        day, version, policy = row.split("|")
        found[day] = (version, policy)
    by_row = [row.split("|") for row in sql(BY_ROW).splitlines()]
    assert {day: (version, policy) for day, version, policy, *_ in by_row} == found
    assert {status for *_, status, _ in by_row} == {"published"}
    assert len(by_row) == len(found)
    return found


def same(found: Contents, expected: Contents, which: tuple[str, ...] = ("",)) -> list[str]:
    return [one for one in differences(found, expected) if one.startswith(which)]


@pytest.fixture(scope="module")
def in_order(home: None) -> Contents:
    """The week as a careful person loads it: one day after the other."""
    begin_again()
    with told("day by day"):
        assert applications(lambda: lake_daily(at_once=1)) == {"lake_days": DAYS}
    score = lambda: score_daily(FIRST, LAST, DAYS, "none")  # noqa: E731
    with told("scored"):
        assert applications(score) == {"scores": DAYS}
    return contents(settings())


def test_reprocessing_completed_days_really_does_the_work_again(in_order: Contents) -> None:
    publications = sql("select count(*) from predictions.publications")
    with told("`--reprocess-behavior completed`, four at once"):
        assert applications(lambda: lake_daily("completed")) == {"lake_days": DAYS}
        scored = applications(lambda: score_daily(FIRST, LAST, DAYS))
    assert scored == {"scores": DAYS}
    assert differences(contents(settings()), in_order) == []
    # What comes out as it was is not published again.
    assert sql("select count(*) from predictions.publications") == publications


def test_backwards_ends_equal(in_order: Contents) -> None:
    begin_again()
    with told("`--run-backwards`, as many at once as there are days"):
        lake_daily(backwards=True)
    with told("scored backwards, one at a time"):
        score_daily(FIRST, LAST, DAYS, "none", backwards=True, at_once=1)
    assert differences(contents(settings()), in_order) == []


def test_backwards_with_fewer_slots_than_days_is_refused(in_order: Contents) -> None:
    begin_again()
    with told("`--run-backwards`, one at a time"):
        runs = begin_backfill("lake_daily", FIRST, SECOND, 2, at_once=1, backwards=True)
        assert ended(runs) == ["success", "failed"]
    said = log_of(runs[1], "wait_for_earlier_runs")
    assert f"{STUCK}: 1 runs of lake_daily for days before {SECOND} are under way." in said
    assert "in their order, with `--reprocess-behavior failed`" in said


@pytest.fixture
def broken_third_day() -> Iterator[None]:
    """A file of the third day is no Parquet file until afterwards."""
    (path,) = (Path(settings().landing_uri) / "events" / f"date={THIRD}").glob("*.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    yield
    path.write_bytes(whole)


def test_a_failed_day_in_the_middle_leaves_the_others_right(
    in_order: Contents, broken_third_day: None
) -> None:
    runs = []

    def go_on() -> None:
        # The first day is there; the second failed before.
        runs.extend(begin_backfill("lake_daily", FIRST, LAST, 3, "failed"))
        assert ended(runs) == ["success", "failed", "failed"]

    with told("`--reprocess-behavior failed`, and the third day is broken"):
        assert applications(go_on) == {"lake_days": 1}
    assert f"events/date={THIRD}/" in log_of(runs[1], "lake.build")
    said = log_of(runs[2], "wait_for_days_before")
    assert f"{STUCK}: the lake lacks 1 of the 83 days before {LAST}, the first is {THIRD}" in said
    found = contents(settings())
    for day in (FIRST, SECOND):
        of_day = {name for name in in_order if name.endswith(f" {day}")} - {
            f"scores.campaign_propensity {day}"
        }
        assert {name: found.get(name) for name in of_day} == {
            name: in_order[name] for name in of_day
        }


def test_and_is_repaired_by_reprocessing_what_failed(in_order: Contents) -> None:
    with told("`--reprocess-behavior failed`, repaired"):
        assert applications(lambda: lake_daily("failed", 2)) == {"lake_days": 2}
        score_daily(FIRST, LAST, DAYS, "none")
    assert differences(contents(settings()), in_order) == []


@pytest.fixture(scope="module")
def models(in_order: Contents) -> tuple[str, str]:
    """The model of `make run`, and one that is trained now, as of a week before.

    Days between are loaded daily, as nights would have.
    """
    (first,) = {version for version, _ in published().values()}
    with told("days before, daily"):
        assert settle(begin_backfill("lake_daily", BEFORE_MODELS, "2017-12-23", 8)) == 0
    with told("trained as of a week before"):
        assert settle(begin_backfill("train_weekly", MONDAY, MONDAY, 1)) == 0
    champion = "select model_version, from_date from analytics.champions order by champion_id desc"
    second, from_date = sql(f"{champion} limit 1").split("|")
    assert from_date == TRAINED
    assert second != first
    return first, second


@pytest.fixture(scope="module")
def as_of(models: tuple[str, str]) -> Contents:
    """Eleven days scored by whoever was champion then; the first is before all models."""
    before = contents(settings())
    runs = []

    def score() -> None:
        runs.extend(begin_backfill("score_daily", BEFORE_MODELS, SECOND, 11, "completed"))
        assert ended(runs) == ["failed"] + ["success"] * 10

    with told("scored as of then"):
        assert applications(score) == {"scores": 10}
    assert f"no model was champion on {BEFORE_MODELS}; there are: " in log_of(
        runs[0], "choose_model"
    )
    found = contents(settings())
    # Not a row of the lake is touched by scoring, but the scores.
    assert same(found, before, LAKE[:2]) == []
    return found


def days(first: str, last: str) -> list[str]:
    return [f"2017-12-{day:02}" for day in range(int(first[-2:]), int(last[-2:]) + 1)]


def test_each_day_is_scored_by_who_was_champion_then(
    models: tuple[str, str], as_of: Contents
) -> None:
    first, second = models
    assert published() == {
        **dict.fromkeys(days(TRAINED, "2017-12-23"), (second, "as_of")),
        **dict.fromkeys(days(CHAMPION, LAST), (first, "as_of")),
    }


def test_after_a_rollback_days_from_then_on_are_scored_by_the_one_before(
    models: tuple[str, str], as_of: Contents
) -> None:
    first, second = models
    assert settle(begin_trigger("rollback_model", reason="harness")) == 0
    # Days that are published stay as they are until somebody scores them again.
    assert published()[CHAMPION] == (first, "as_of")
    with told("scored again after a rollback"):
        again = applications(lambda: score_daily("2017-12-22", "2017-12-25", 4))
    assert again == {"scores": 4}
    assert {day: published()[day] for day in days("2017-12-22", SECOND)} == {
        **dict.fromkeys(days("2017-12-22", "2017-12-25"), (second, "as_of")),
        SECOND: (first, "as_of"),
    }


def test_history_is_scored_by_a_newer_model_without_the_lake(
    models: tuple[str, str], as_of: Contents
) -> None:
    first, second = models
    back = {"version": first, "reason": "harness"}
    assert settle(begin_trigger("rollback_model", **back)) == 0
    lake_before = contents(settings())
    with told("scored by who is champion now, and by a pinned version"):
        champion = {"model_policy": "champion"}
        assert applications(lambda: score_daily("2017-12-20", "2017-12-21", 2, conf=champion)) == {
            "scores": 2
        }
        pinned = {"model_policy": f"pinned:{first}"}
        assert applications(lambda: score_daily("2017-12-22", "2017-12-23", 2, conf=pinned)) == {
            "scores": 2
        }
    found = published()
    assert [found[day] for day in days("2017-12-19", "2017-12-23")] == [
        (second, "as_of"), (first, "champion"), (first, "champion"),
        (first, f"pinned:{first}"), (first, f"pinned:{first}"),
    ]  # fmt: skip
    assert same(contents(settings()), lake_before, LAKE[:2]) == []


def test_a_version_that_there_is_not_publishes_nothing(
    models: tuple[str, str], as_of: Contents
) -> None:
    before = published()
    conf = {"model_policy": "pinned:999"}
    runs = begin_backfill("score_daily", CHAMPION, CHAMPION, 1, "completed", conf=conf)
    assert ended(runs) == ["failed"]
    assert "999" in (said := log_of(runs[0], "choose_model"))
    assert "there are: " in said
    assert published() == before


def test_scored_as_of_then_again_it_is_as_it_was(models: tuple[str, str], as_of: Contents) -> None:
    with told("scored as of then, again"):
        score_daily(TRAINED, LAST, 12, conf={"model_policy": "as_of"})
    assert same(contents(settings()), as_of, ("scores", "predictions.campaign_propensity")) == []
