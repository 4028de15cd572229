"""Data days and the snapshot dates among them."""

from datetime import date

import pytest

from include.days import Days
from include.models.snapshot_dates import feature_dates, matured_snapshot_dates


def is_sunday(day: date) -> bool:
    return day.weekday() == 6


CHRISTMAS_EVE = date(2017, 12, 24)  # a Sunday


def test_a_range_includes_both_ends() -> None:
    assert list(Days(date(2017, 12, 30), date(2018, 1, 1))) == [
        date(2017, 12, 30),
        date(2017, 12, 31),
        date(2018, 1, 1),
    ]


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends .* before it starts"):
        Days(CHRISTMAS_EVE, date(2017, 12, 23))


def test_a_single_day_has_features_whatever_its_weekday() -> None:
    monday = date(2017, 12, 25)
    assert feature_dates(Days(monday, monday), is_sunday, 4) == [monday]


def test_a_range_has_features_for_recent_snapshots_and_its_last_day() -> None:
    dates = feature_dates(Days(date(2017, 1, 1), date(2017, 12, 26)), is_sunday, 2)
    assert dates == [date(2017, 12, 17), CHRISTMAS_EVE, date(2017, 12, 26)]


def test_a_snapshot_matures_when_its_window_is_complete() -> None:
    available = {date(2017, 12, 10), date(2017, 12, 17), CHRISTMAS_EVE}
    assert matured_snapshot_dates(CHRISTMAS_EVE, is_sunday, 8, 7, available) == [
        date(2017, 12, 10),
        date(2017, 12, 17),
    ]
    # A day earlier, the window of the 17th lacks its last day.
    eve_of_eve = date(2017, 12, 23)
    assert matured_snapshot_dates(eve_of_eve, is_sunday, 8, 7, available) == [date(2017, 12, 10)]
