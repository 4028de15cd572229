"""Who was champion on a day: the newest entry that had begun; of two at once, the later one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.models.promotion.champions import ChampionPeriod, champion_before, champion_on

# Promoted, promoted a week later, a late training of the week between, a rollback of the second.
HISTORY = [
    ChampionPeriod(1, date(2026, 3, 1), "1"),
    ChampionPeriod(2, date(2026, 3, 15), "2"),
    ChampionPeriod(3, date(2026, 3, 8), "3"),
    ChampionPeriod(4, date(2026, 3, 15), "1"),
]


@pytest.mark.parametrize(
    ("day", "version"),
    [("2026-02-28", None), ("2026-03-01", "1"), ("2026-03-07", "1"), ("2026-03-08", "3"),
     ("2026-03-14", "3"), ("2026-03-15", "1"), ("2030-01-01", "1")],
)  # fmt: skip
def test_by_hand(day: str, version: str | None) -> None:
    found = champion_on(HISTORY, date.fromisoformat(day))
    assert (found.version if found else None) == version


def test_a_rollback_brings_back_whom_the_present_one_took_over_from() -> None:
    one, two, late, again = HISTORY
    assert champion_before([one], one) is None
    assert champion_before([one, two], two) == one
    assert champion_before([one, two, late], two) == late
    same_day = ChampionPeriod(2, one.from_date, "2")  # trained twice for the same week
    assert champion_before([one, same_day], same_day) == one
    assert champion_before(HISTORY, again) == two


DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 20))


@given(st.lists(DAYS, max_size=8), DAYS)
def test_walking_through_the_days_says_the_same(begins: list[date], day: date) -> None:
    history = [ChampionPeriod(n, begin, str(n)) for n, begin in enumerate(begins, start=1)]
    holder = None
    for begin in sorted(set(begins)):
        if begin <= day:
            holder = [period for period in history if period.from_date == begin][-1]
    assert champion_on(history, day) == holder
