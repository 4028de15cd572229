"""Shares of a day's rows: by hand, then against a plain reading of the rule, then the empty day."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config.quality import Share, Shares
from include.quality.accounting import Accounting
from include.quality.shares import judge_shares

DAY = date(2026, 3, 10)
BOUNDS = Shares(
    rejected=Share(at_most=0.3, times_usual=20),
    duplicate=Share(at_most=0.5, times_usual=20),
    unknown_category=Share(at_most=0.5, times_usual=20),
    late=Share(at_most=0.9, times_usual=50),
    usual_days=28,
    usual_at_least=0.1,
    min_rows=100,
)


def day(offset: int = 0, table: str = "events", **counts: int) -> Accounting:
    """A day of 1,000 landed rows, good but for what is said."""
    given: dict[str, Any] = {"landed": 1000, "rejected": 0, "duplicate": 0, "erased": 0} | counts
    lost = given["rejected"] + given["duplicate"] + given["erased"]
    counted = {"late": 0, "unknown_category": 0} if table == "events" else {}
    return Accounting(
        table=table,
        ingest_date=DAY + timedelta(days=offset),
        **counted | {"accepted": given["landed"] - lost} | given,
    )


def problems(days: list[Accounting], before: list[Accounting]) -> dict[str, str]:
    found = judge_shares(days[0].table, days, before, BOUNDS)
    assert all(verdict.severity == "critical" for verdict in found)
    return {verdict.column: verdict.observed for verdict in found if not verdict.success}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (day(rejected=301), {"share of rejected rows":
            "2026-03-10: 301 of 1000 rows (30.1 %), more than 30.0 %"}),
        (day(duplicate=501), {"share of duplicate rows":
            "2026-03-10: 501 of 1000 rows (50.1 %), more than 50.0 %"}),
        (day(duplicate=900, late=91), {
            "share of duplicate rows": "2026-03-10: 900 of 1000 rows (90.0 %), more than 50.0 %",
            "share of late rows": "2026-03-10: 91 of 100 rows (91.0 %), more than 90.0 %"}),
        (day(unknown_category=600, erased=200), {"share of unknown_category rows":
            "2026-03-10: 600 of 800 rows (75.0 %), more than 50.0 %"}),
        (day(landed=3, rejected=3), {"share of rejected rows":
            "2026-03-10: 3 of 3 rows (100.0 %): there is no good one"}),
        (day(landed=99, rejected=98), {}),
        (day(landed=0), {}),
        (day(landed=5, erased=5), {}),
        (day(rejected=300, duplicate=500), {}),
        (day(table="users", rejected=301), {"share of rejected rows":
            "2026-03-10: 301 of 1000 rows (30.1 %), more than 30.0 %"}),
        (day(table="users", duplicate=900), {}),
        (day(table="contacts", rejected=900), {}),
    ],
)  # fmt: skip
def test_a_day_is_held_to_the_bounds(bad: Accounting, said: dict[str, str]) -> None:
    assert problems([bad], []) == said


def test_a_day_is_held_to_what_is_usual() -> None:
    usual = [day(-n, rejected=6) for n in range(1, 8)]
    assert problems([day(rejected=121)], usual) == {
        "share of rejected rows": "2026-03-10: 121 of 1000 rows (12.1 %), usually 0.6 %"
    }
    assert problems([day(rejected=120)], usual) == {}, "twenty times the usual is allowed"
    assert problems([day(rejected=121)], usual[1:]) == {}, "six days say nothing yet"
    older = [day(-29 - n, rejected=6) for n in range(7)]
    assert problems([day(rejected=121)], older) == {}, "a month ago is no usual day"


def test_days_of_a_range_are_held_to_those_before_them_and_replace_what_was_there() -> None:
    """A rebuilt week judges by what it makes, not by what the days were before."""
    usual = [day(-n) for n in range(1, 9)]
    assert problems([*usual, day(rejected=150)], [day(-n, rejected=200) for n in range(1, 9)]) == {
        "share of rejected rows": "2026-03-10: 150 of 1000 rows (15.0 %), usually 0.0 %"
    }


@given(
    rejected=st.integers(0, 1000),
    before=st.lists(st.integers(0, 1000), max_size=12),
)
def test_agrees_with_the_rule_read_aloud(rejected: int, before: list[int]) -> None:
    """No more than 30 %; with a week before it, no more than 10 % or 20 times its median."""
    ordered = sorted(before)
    middle = len(ordered) // 2
    limit = 300.0
    if len(ordered) >= 7:
        median = (
            ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
        )
        limit = min(limit, max(100, 20 * median))
    found = problems(
        [day(rejected=rejected)],
        [day(-n, rejected=count) for n, count in enumerate(before, start=1)],
    )
    assert bool(found) == (rejected > limit)
