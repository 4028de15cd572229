"""Days built one after the other, in one pass, twice, in any order, at once: the same tables.

    make test-backfill SUITES=orders

Prints a table of scenarios with a checksum of all that the lake holds.
"""

import hashlib
from collections.abc import Callable

import pytest

from include.contracts.lineage import FEATURES
from include.days import Days
from include.settings import Settings
from tests.backfill import market
from tests.backfill.market import CORRECTED, DAYS, OVERTAKEN, SUNDAYS
from tests.integration.nights import checksums
from tests.integration.test_pipeline import lake

pytestmark = pytest.mark.orders

Found = dict[str, tuple[int, str]]
SAME: dict[str, Callable[[], None]] = {
    "every day twice": market.twice,
    "random order, refresh": market.in_random_order,
    "four at a time, refresh": market.four_at_a_time,
    "two ranges that overlap, the later first, refresh": market.in_two_ranges,
}
"""Scenarios that end with the features of every day, or of some days."""


@pytest.fixture(scope="module")
def baseline() -> dict[str, Found]:
    """What `day by day` made, by day; filled by the first test."""
    return {}


def by_day(chosen: Settings) -> dict[str, Found]:
    """Rows and checksum of every table, by day."""
    return {f"{day}": checksums(chosen, Days(day, day)) for day in DAYS}


def tell(scenario: str, found: dict[str, Found], took_s: float) -> None:
    rows = sum(count for tables in found.values() for count, _ in tables.values())
    digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]
    print(f"  {digest}  {rows:>8,} rows  {took_s:5.1f} s  {scenario}", flush=True)


def differing(one: dict[str, Found], other: dict[str, Found]) -> set[tuple[str, str]]:
    return {
        (day, table) for day in one for table in one[day] if one[day][table] != other[day][table]
    }


def test_day_by_day(empty: Settings, baseline: dict[str, Found]) -> None:
    took_s = market.timed(market.day_by_day)
    baseline |= by_day(empty)
    tell("day by day", baseline, took_s)
    for table in ("core.events", "core.rejected_events", *FEATURES):
        assert all(baseline[day][table][0] for day in baseline), table


def test_one_pass(empty: Settings, baseline: dict[str, Found]) -> None:
    took_s = market.timed(market.in_one_pass)
    found = by_day(empty)
    tell("a range in one pass (features of Sundays and its last day)", found, took_s)
    snapshots = {f"{day}" for day in (*SUNDAYS, DAYS.last)}
    # A range makes features of the days that training reads, and of its last: the rest are absent.
    absent = {(day, table) for day in found for table in FEATURES if day not in snapshots}
    assert differing(baseline, found) == absent
    assert all(found[day][table][0] == 0 for day, table in absent)


@pytest.mark.parametrize("scenario", SAME)
def test_other_ways(scenario: str, empty: Settings, baseline: dict[str, Found]) -> None:
    took_s = market.timed(SAME[scenario])
    found = by_day(empty)
    tell(scenario, found, took_s)
    differs = differing(baseline, found)
    if "ranges" in scenario:
        differs = {(day, table) for day, table in differs if found[day][table][0]}
    assert differs == set()


def test_one_day_replaced_changes_what_depends_on_it_and_nothing_else(
    empty: Settings, baseline: dict[str, Found]
) -> None:
    took_s = market.timed(lambda: market.corrected_and_refreshed(lambda: market.correct(empty)))
    refreshed = by_day(empty)
    tell("a day replaced, `refresh`", refreshed, took_s)
    changed = differing(baseline, refreshed)
    assert {table for day, table in changed if day == f"{CORRECTED}"} >= {"core.events", *FEATURES}
    assert not {day for day, _ in changed if day < f"{CORRECTED}"}
    assert not {table for _, table in changed if table in ("core.users", "core.listings")}
    # The same days, landed like this from the beginning.
    market.day_by_day()
    assert by_day(empty) == refreshed


def test_an_attempt_that_was_overtaken(empty: Settings) -> None:
    refused = market.overtaken(lambda: market.correct(empty))
    found = by_day(empty)
    took_s = market.timed(lambda: lake(Days(OVERTAKEN, OVERTAKEN), "once more"))
    tell("the day before replaced between `build` and `publish`", found, took_s)
    assert by_day(empty) == found, "the day was published as it had been made from other rows"
    assert refused
