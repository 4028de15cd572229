"""What is known of visits on a Sunday, campaigns that come later, and other types of visits."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import DataFrame, SparkSession

from include.audience.erasure import erase_contact, erase_lake, erase_warehouse
from include.config import load_config
from include.contracts import lake_tables
from include.contracts.known import KNOWN_VISITS
from include.contracts.visits import CAMPAIGN_CATEGORY, USER_CATEGORY_VISITS, USER_VISITS
from include.days import Days
from include.errors import NoModelError, PipelineError
from include.lake.commit import commit
from include.lake.lock import publishing
from include.lake.refresh import list_stale, stale_days
from include.lake.tables import Lake
from include.models.examples import split_by_time
from include.settings import Settings, settings
from spark_jobs import examples, features, scores
from spark_jobs.feature_tables import feature_tables
from spark_jobs.tables import Tables
from spark_jobs.transforms import visit_days as transforms
from tests.integration.landing_files import basics, csv_of, event, land
from tests.integration.nights import checksums, night
from tests.integration.test_explain import registered
from tests.integration.test_pipeline import go

SUNDAY = date(2026, 3, 8)
DAYS = Days(SUNDAY - timedelta(days=2), SUNDAY + timedelta(days=3))
OURS = (USER_VISITS.name, USER_CATEGORY_VISITS.name, CAMPAIGN_CATEGORY.name)


Configure = Callable[..., Settings]


@pytest.fixture
def configured(
    place: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Configure:
    """Sets which categories campaigns are on, and which types of events are done to users."""

    def configure(*categories: str, exposures: tuple[str, ...] = ("mail",)) -> Settings:
        campaigns = [
            {"campaign_id": f"sell_{name}", "category": name, "positive_event_types": ["buy"],
             "horizon_days": 7, "holdout_share": 0.1}
            for name in categories
        ]  # fmt: skip
        types = [
            {"name": name, "needs_listing": name != "mail", "is_exposure": name in exposures}
            for name in ("buy", "view", "mail")
        ]
        events = {"types": types, "max_lateness_days": 30, "duplicate_lookback_days": 3}
        for name, content in (("campaigns", {"campaigns": campaigns}), ("events", events)):
            # JSON is YAML.
            (tmp_path / f"{name}.yaml").write_text(json.dumps(content), encoding="utf-8")
            monkeypatch.setenv(f"PROPENSITY_{name.upper()}", str(tmp_path / f"{name}.yaml"))
        settings.cache_clear()
        return settings()

    return configure


@pytest.fixture
def market(configured: Configure) -> Settings:
    """Three users who look at cars and boats and get mails; some of it arrives two days late."""
    place = configured("cars")
    basics(place, DAYS)
    kinds = ("buy", "view", "mail")
    for number, day in enumerate(DAYS):
        rows = [
            event(f"{day} {user}", day - timedelta(days=(number * user) % 3), user_id=user,
                  event_type=kinds[(number + user) % 3],
                  listing_id=None if (number + user) % 3 == 2 else 10 + 10 * (user % 2))
            for user in (1, 2, 3)
        ]  # fmt: skip
        land(place, "events", day, "e.csv", csv_of(*rows))
    return place


def one(day: date) -> Days:
    return Days(day, day)


def said(place: Settings, day: date) -> dict[str, tuple[int, str]]:
    found = checksums(place, one(day))
    return {name: found[name] for name in OURS}


def last_read(capsys: pytest.CaptureFixture[str], stage: str = "features") -> dict[str, int]:
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"stage"')]
    return {line["stage"]: line["input"] for line in map(json.loads, lines)}[stage]


def made_again(place: Settings, days: Days, run: str) -> None:
    """Features alone, from what the lake holds now."""
    go("features", [features.build], days, run)


def test_a_night_reads_what_was_known_on_sunday_and_the_arrivals_since(
    market: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in DAYS:
        night(one(day), f"{day}")
    assert Lake(market).days(KNOWN_VISITS) == {SUNDAY}
    first = said(market, DAYS.last)
    assert all(rows for rows, _ in first.values())
    capsys.readouterr()
    made_again(market, one(DAYS.last), "from Sunday on")
    assert last_read(capsys)[KNOWN_VISITS.name] > 0
    assert said(market, DAYS.last) == first

    # A correction of Saturday takes the Sunday away; what it says is read from all arrivals.
    saturday = SUNDAY - timedelta(days=1)
    other = event("other", saturday, user_id=3, event_type="buy")
    land(market, "events", saturday, "e.csv", csv_of(other))
    night(one(saturday), "corrected")
    assert not Lake(market).days(KNOWN_VISITS)
    made_again(market, one(DAYS.last), "without a Sunday")
    assert KNOWN_VISITS.name not in last_read(capsys)
    without = said(market, DAYS.last)
    assert without != first
    for day in Days(SUNDAY, DAYS.last):
        night(one(day), f"again {day}")
    assert Lake(market).days(KNOWN_VISITS) == {SUNDAY}
    assert said(market, DAYS.last) == without


def test_a_campaign_that_comes_later_is_refused_until_refresh_and_then_as_if_from_the_start(
    market: Settings, configured: Configure, spark: SparkSession
) -> None:
    for day in DAYS:
        night(one(day), f"{day}")
    assert stale_days("features") == {}

    place = configured("boats", "cars")
    work = Tables(spark, place, load_config(place), one(DAYS.last))
    work.pins = {name: work.lake.pin(contract) for name, contract in work.tables.items()}
    refused = (
        rf"features of {DAYS.last} say nothing of 'boats', the category of campaign sell_boats: "
        r".* \(1 dates, .*\)\. Trigger refresh"
    )
    with pytest.raises(PipelineError, match=refused):
        feature_tables(work, scores.SCORES, [DAYS.last], work.config.active_campaigns)
    # The newest day, and the Sunday that training reads; a day between them is told what to do.
    with pytest.raises(PipelineError, match="backfill it with --reprocess-behavior completed"):
        feature_tables(
            work, scores.SCORES, [DAYS.last - timedelta(days=1)], work.config.active_campaigns
        )
    assert list_stale() == [
        f"{day}  {CAMPAIGN_CATEGORY.name}: lacks categories of campaigns: boats"
        for day in (SUNDAY, DAYS.last)
    ]
    assert stale_days("features") == {
        "first_day": f"{SUNDAY}", "last_day": f"{DAYS.last}", "dates": f"{SUNDAY},{DAYS.last}",
    }  # fmt: skip

    # As refresh does; what was known on Sunday says nothing of boats, and isn't asked of them.
    only_last = ["--set", f"feature_dates={DAYS.last}"]
    go("features", [features.build], one(DAYS.last), "carried on", *only_last)
    carried_on = said(place, DAYS.last)
    days = Days(SUNDAY, DAYS.last)
    go("features", [features.build], days, "r", "--set", f"feature_dates={SUNDAY},{DAYS.last}")
    assert stale_days("features") == {}
    assert said(place, DAYS.last) == carried_on
    for day in Days(SUNDAY, DAYS.last):
        night(one(day), f"from the start {day}")
    assert said(place, DAYS.last) == carried_on
    rows = Lake(place).arrow(USER_CATEGORY_VISITS, one(DAYS.last)).to_pylist()
    assert {row["category"] for row in rows} == {"boats", "cars"}


def test_other_types_of_visits_make_features_anew_and_forget_what_was_known(
    market: Settings, configured: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in DAYS:
        night(one(day), f"{day}")
    before = said(market, DAYS.last)
    place = configured("cars", exposures=("mail", "view"))
    assert stale_days("features")["dates"] == f"{SUNDAY},{DAYS.last}"
    made_again(place, one(DAYS.last), "now")
    after = said(place, DAYS.last)
    assert after[USER_VISITS.name] != before[USER_VISITS.name]
    go("features", [features.build], DAYS, "all", "--set", f"feature_dates={SUNDAY},{DAYS.last}")
    assert stale_days("features") == {}
    assert said(place, DAYS.last) == after


def test_an_erased_user_is_in_none_of_them(market: Settings) -> None:
    for day in DAYS:
        night(one(day), f"{day}")
    lake, ours = Lake(market), (KNOWN_VISITS, USER_VISITS, USER_CATEGORY_VISITS)

    def with_user_2() -> list[str]:
        return [c.name for c in ours if 2 in lake.arrow(c).column("user_id").to_pylist()]

    assert with_user_2() == [contract.name for contract in ours]
    erase_warehouse(2, erase_contact(2, "#123"), erase_lake(2))
    assert with_user_2() == []
    made_again(market, one(DAYS.last), "afterwards")
    checksums(market)


def refreshed(run: str) -> None:
    """What the DAG `refresh` makes of features."""
    found = stale_days("features")
    days = Days(*(date.fromisoformat(found[name]) for name in ("first_day", "last_day")))
    go("features", [features.build], days, run, "--set", f"feature_dates={found['dates']}")


def test_a_champion_that_learned_of_other_visits_is_refused(
    market: Settings, configured: Configure
) -> None:
    for day in DAYS:
        night(one(day), f"{day}")
    model = registered(market, "xgboost")
    arguments = ["--set", f"model_uri={model.uri}", "--set", f"model_version={model.version}"]
    go("scores", [scores.build], one(DAYS.last), "before", *arguments)
    configured("cars", exposures=("mail", "view"))
    refreshed("refresh")
    said = r"it learned another category_days_since_visit \(double, version 1, 1: buy, view when "
    with pytest.raises(NoModelError, match=said):
        go("scores", [scores.build], one(DAYS.last), "after", *arguments)


def test_a_category_that_nobody_ever_visited_is_looked_at_once(
    market: Settings, configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in DAYS:
        night(one(day), f"{day}")
    asked: list[list[str]] = []
    made = transforms.visit_days

    def visit_days(daily: DataFrame, dates: Any, categories: Any, types: Any) -> DataFrame:
        asked.append([*categories])
        return made(daily, dates, categories, types)

    monkeypatch.setattr(transforms, "visit_days", visit_days)
    configured("cars", "ghosts")
    made_again(market, one(DAYS.last), "before a Sunday looked at them")
    assert asked == [["cars", "ghosts"], ["ghosts"]], "of the days since Sunday, and before"
    for day in Days(SUNDAY, DAYS.last):
        night(one(day), f"ghosts {day}")
    asked.clear()
    made_again(market, one(DAYS.last), "since it did")
    assert asked == [["cars", "ghosts"]]


def test_a_campaign_that_is_over_is_carried_on_no_more(
    configured: Configure, market: Settings
) -> None:
    configured("boats", "cars")
    for day in DAYS:
        night(one(day), f"{day}")
    place = configured("cars")
    made_again(place, one(DAYS.last), "carried on")
    carried_on = said(place, DAYS.last)
    with publishing(place):
        commit(Lake(place), KNOWN_VISITS, [SUNDAY], (), {})
    made_again(place, one(DAYS.last), "from all arrivals")
    assert said(place, DAYS.last) == carried_on


def test_a_training_set_has_only_what_was_made_for_it(
    configured: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Views make no visit any more; earlier trainings left examples of when they did."""
    shipped = yaml.safe_load(settings().experiments.read_text(encoding="utf-8"))
    path = tmp_path / "experiments.yaml"
    path.write_text(json.dumps(shipped | {"snapshot_weeks": 3}), encoding="utf-8")
    monkeypatch.setenv("PROPENSITY_EXPERIMENTS", str(path))
    place = configured("cars")
    sundays = [date(2026, 1, 4) + timedelta(weeks=number) for number in range(9)]
    days = Days(sundays[0], sundays[8])
    basics(place, days)
    for number, day in enumerate(days):
        kinds = {user: "buy" if number % 15 == user else "view" for user in (1, 2, 3)}
        rows = [event(f"{day} {u}", day, user_id=u, event_type=kind) for u, kind in kinds.items()]
        land(place, "events", day, "e.csv", csv_of(*rows))
    night(Days(sundays[0], sundays[4]), "views are visits")
    go("examples", [examples.build], one(sundays[4]), "first")
    place = configured("cars", exposures=("mail", "view"))
    night(Days(sundays[4] + timedelta(days=1), sundays[8]), "views are none")
    refreshed("refresh")
    go("examples", [examples.build], one(sundays[8]), "second")
    lake, config = Lake(place), load_config(place)
    contract = lake_tables(config.events.names)["training.examples"]
    split = split_by_time(lake, contract, None, sundays[8], 7, 3, 1_000)
    assert split.train.snapshot_dates == (sundays[5],)
    assert split.test.snapshot_dates == (sundays[7],)
    assert sundays[3] in lake.days(contract)
    visits = {
        day: max(lake.arrow(contract, one(day)).column("user_visits_168d").to_pylist())
        for day in (sundays[3], sundays[5])
    }
    assert visits[sundays[3]] > 10 > visits[sundays[5]]


def test_a_campaign_that_paused_over_a_sunday_misses_nothing(configured: Configure) -> None:
    """Sunday looks at cars alone; boats were looked at before, are visited, and come back."""
    saturday, monday = SUNDAY - timedelta(days=1), SUNDAY + timedelta(days=1)
    earlier = SUNDAY - timedelta(weeks=1)
    days = Days(earlier, monday)
    place = configured("boats", "cars")
    basics(place, days)
    for day in (earlier, saturday, monday):
        rows = csv_of(event(f"boat {day}", day, listing_id=20, event_type="buy"))
        land(place, "events", day, "e.csv", rows)
    night(one(earlier), "both")
    configured("cars")
    for day in Days(earlier + timedelta(days=1), SUNDAY):
        night(one(day), f"cars alone {day}")
    place = configured("boats", "cars")
    night(one(monday), "both again")
    rows = Lake(place).arrow(USER_CATEGORY_VISITS, one(monday)).to_pylist()
    (boats,) = [row for row in rows if row["category"] == "boats"]
    said = ("days_since_visit", "days_since_second_last_visit", "days_since_third_last_visit")
    assert [boats[name] for name in said] == [0, 2, 8]
    rows = Lake(place).arrow(USER_CATEGORY_VISITS, one(SUNDAY)).to_pylist()
    assert {row["category"] for row in rows} <= {"cars"}
    checksums(place)
