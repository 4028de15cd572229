"""The split by time: what judges is newer than what stops, that newer than what is fitted."""

from datetime import date, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config import load_config
from include.errors import PipelineError
from include.lake.tables import DataFile
from include.models.examples import split_by_time
from include.settings import settings
from tests.models.example_files import CONTRACT

SUNDAYS = [date(2026, 3, 1) + timedelta(weeks=n) for n in range(6)]


def lake(days: list[date]) -> Any:
    files = {day: [DataFile(f"{day}-{n}", 10, day) for n in range(2)] for day in days}
    return SimpleNamespace(files_by_day=lambda *_: files)


def test_by_hand() -> None:
    """As of April the 5th, the labels of that snapshot date aren't complete, nor is there a later.

    Both may be in the table: of a training of a later week.
    """
    split = split_by_time(lake(SUNDAYS), CONTRACT, 1, date(2026, 4, 5), 7, 50, 100)
    assert split.train.snapshot_dates == (date(2026, 3, 1), date(2026, 3, 8), date(2026, 3, 15))
    assert split.valid.snapshot_dates == (date(2026, 3, 22),)
    assert split.test.snapshot_dates == (date(2026, 3, 29),)
    assert [len(part) for part in (split.train, split.valid, split.test)] == [60, 20, 20]
    assert [file.uri for file in split.test.files] == ["2026-03-29-0", "2026-03-29-1"]


def test_what_was_made_for_earlier_trainings_is_left_alone() -> None:
    split = split_by_time(lake(SUNDAYS), CONTRACT, 1, date(2026, 4, 5), 7, 4, 100)
    assert split.train.snapshot_dates == (date(2026, 3, 8), date(2026, 3, 15))


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 2, 1)), max_size=12),
       st.dates(date(2026, 1, 1), date(2026, 2, 1)), st.integers(0, 9))  # fmt: skip
def test_parts_follow_each_other_and_nothing_is_from_the_future(
    days: set[date], as_of: date, horizon: int
) -> None:
    known = sorted(day for day in days if (as_of - day).days >= horizon)
    apart = max(horizon, 1)

    def before(day: date) -> list[date]:
        return [one for one in known if (day - one).days >= apart]

    test = known[-1] if known else None
    stops = before(test) if test else []
    fits = before(stops[-1]) if stops else []
    if not fits:
        with pytest.raises(
            PipelineError,
            match=f"has {len(known)} snapshot dates with complete labels as of {as_of}",
        ):
            split_by_time(lake(list(days)), CONTRACT, 1, as_of, horizon, 50, 100)
        return
    split = split_by_time(lake(list(days)), CONTRACT, 1, as_of, horizon, 50, 100)
    assert split.test.snapshot_dates == (test,)
    assert split.valid.snapshot_dates == (stops[-1],)
    assert list(split.train.snapshot_dates) == fits


def test_too_short_a_history_says_how_many_days_are_missing() -> None:
    """Nine days of logs: with a horizon of a week, the first day's split needs 21 days after it."""
    days = [date(2026, 3, number) for number in range(1, 10)]
    with pytest.raises(PipelineError, match="at least 13 days are missing after 2026-03-01"):
        split_by_time(lake(days), CONTRACT, 1, days[-1], 7, 50, 100)
    # With a horizon of two days they are enough, if each is a snapshot date.
    split = split_by_time(lake(days), CONTRACT, 1, days[-1], 2, 50, 100)
    parts = (split.train.snapshot_dates, split.valid.snapshot_dates, split.test.snapshot_dates)
    assert [[day.day for day in part] for part in parts] == [[1, 2, 3], [5], [7]]


@pytest.mark.parametrize("every", [1, 3, 7])
def test_snapshot_dates_are_so_many_days_apart(every: int) -> None:
    asked = load_config(settings()).experiments.model_copy(update={"snapshot_every_days": every})
    march = [date(2026, 3, number) for number in range(1, 32)]
    found = [day for day in march if asked.is_snapshot_date(day)]
    assert {(later - day).days for day, later in pairwise(found)} == {every}
    if every == 7:
        assert found[0] == march[0], "a Sunday"
