"""Sources: what lands is what was there; made-up traffic follows from its seed."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.config import load_config
from include.days import Days
from include.errors import LandingError
from include.landing.columns import EVENTS_REQUIRED
from include.landing.files import inspect
from include.landing.sources import completejourney, synthetic
from include.landing.sources.synthetic import Traffic, category_name, events_batch
from include.landing.zone import Landing
from include.settings import load_settings, settings

DAY = date(2026, 3, 10)
EXAMPLE = {
    "PROPENSITY_EVENTS": "docs/synthetic/events.yaml",
    "PROPENSITY_CAMPAIGNS": "docs/synthetic/campaigns.yaml",
}


def test_the_real_data_lands_whole(tmp_path: Path) -> None:
    every = completejourney.events()
    assert Counter(every.event_type) == {
        "purchase": 1_469_307,
        "campaign_contact": 6_589,
        "coupon_redemption": 2_102,
    }
    assert every.event_id.is_unique
    assert every.user_id.nunique() == 2_469
    assert every.landing_date.min() == date(2017, 1, 1)
    assert every.landing_date.max() == date(2018, 1, 1)

    days = Days(date(2017, 1, 1), date(2017, 1, 2))
    landing = Landing(str(tmp_path))
    assert completejourney.land(landing, days) == 2
    assert completejourney.land(landing, days) == 0, "what is complete isn't landed again"
    (file,) = landing.files("events", days.first)
    landed = pq.read_table(file.removeprefix("file://"))
    assert landed.num_rows == int((every.landing_date == days.first).sum())
    (file,) = landing.files("users", days.first)
    users = pq.read_table(file.removeprefix("file://")).to_pylist()
    assert all(user["email"].endswith("@example.org") for user in users)
    assert 0.6 < np.mean([user["marketing_consent"] for user in users]) < 0.8


def test_synthetic_traffic_follows_from_its_seed() -> None:
    traffic = Traffic(events_per_day=5_000, is_shuffled=True, duplicate_share=0.1, late_share=0.1)
    rows = events_batch(traffic, DAY, 0, 5_000)
    assert rows.equals(events_batch(traffic, DAY, 0, 5_000))
    other = Traffic(events_per_day=5_000, seed=2)
    assert not rows.equals(events_batch(other, DAY, 0, 5_000))


def test_few_users_make_most_events() -> None:
    users = events_batch(Traffic(users=1_000), DAY, 0, 50_000).column("user_id").to_numpy()
    counts = np.sort(np.bincount(users, minlength=1_000))[::-1]
    assert counts[:100].sum() / counts.sum() > 0.4


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_switches_spoil_about_the_share_that_they_say(share: float) -> None:
    traffic = Traffic(duplicate_share=share, late_share=share, malformed_share=share)
    rows = events_batch(traffic, DAY, 0, 40_000)
    ids = rows.column("event_id").to_pylist()
    late = sum(at.date() < DAY for at in rows.column("occurred_at").to_pylist())
    malformed = sum(kind == "telepathy" for kind in rows.column("event_type").to_pylist())
    for count in (len(ids) - len(set(ids)), late, malformed):
        assert share * 0.85 <= count / len(ids) <= share * 1.15


def test_one_user_and_one_listing_may_have_a_share_of_all_and_the_rest_stays() -> None:
    plain = Traffic(users=1_000_000, listings=500_000, categories=5)
    skewed = replace(plain, busiest_user_share=0.05, busiest_listing_share=0.1)
    rows, others = (events_batch(one, DAY, 0, 40_000) for one in (skewed, plain))
    shares = {
        name: Counter(rows.column(name).to_pylist()).most_common(1)[0][1] / 40_000
        for name in ("user_id", "listing_id")
    }
    assert 0.045 < shares["user_id"] < 0.06
    assert 0.09 < shares["listing_id"] < 0.12
    for name in ("event_id", "occurred_at", "event_type"):
        assert rows.column(name).equals(others.column(name))


def test_a_users_events_gather_in_their_favourite_categories() -> None:
    rows = events_batch(Traffic(users=50, categories=20), DAY, 0, 20_000)
    by_user: dict[int, Counter[int]] = {}
    for user, listing in zip(
        rows.column("user_id").to_pylist(), rows.column("listing_id").to_pylist(), strict=True
    ):
        by_user.setdefault(user, Counter())[listing % 20] += 1
    shares = [sum(n for _, n in c.most_common(2)) / c.total() for c in by_user.values()]
    assert np.mean(shares) > 0.6


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match="60 categories need at least as many listings"):
        Traffic(listings=50, categories=60)


def test_large_days_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "BATCH_ROWS", 100)
    landing = Landing(str(tmp_path))
    traffic = Traffic(users=250, listings=120, categories=5, events_per_day=250)
    assert synthetic.land(landing, traffic, Days(DAY, DAY)) == 250
    assert len(landing.files("events", DAY)) == 3
    assert len(landing.files("users", DAY)) == 3
    assert landing.incomplete(("events", "listings", "users"), Days(DAY, DAY)) == []


def test_the_example_configuration_fits_synthetic_traffic() -> None:
    config = load_config(load_settings(EXAMPLE))
    assert config.events.names == Traffic.event_types
    made = {category_name(number) for number in range(Traffic.categories)}
    assert {campaign.category for campaign in config.campaigns} <= made
    for name, value in EXAMPLE.items():
        assert f"{name}={value}" in (synthetic.__doc__ or "")


@pytest.mark.parametrize("variables", [{}, EXAMPLE], ids=["default", "example"])
def test_traffic_that_would_be_refused_as_a_whole_does_not_land(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PROPENSITY_LANDING": str(tmp_path), **variables}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    options = ["--users=9", "--listings=50", "--events-per-day=20"]
    monkeypatch.setattr("sys.argv", ["synthetic", f"--from-day={DAY}", f"--to-day={DAY}", *options])
    try:
        if variables:
            synthetic.main()
        else:
            with pytest.raises(SystemExit):
                synthetic.main()
        assert Landing(str(tmp_path)).is_complete("events", DAY) == bool(variables)
    finally:
        settings.cache_clear()


def test_a_folder_among_a_days_files_is_named(tmp_path: Path) -> None:
    """What lies in it would not be read."""
    (tmp_path / "events" / f"date={DAY}" / "hour=01").mkdir(parents=True)
    with pytest.raises(LandingError, match="hour=01: is a folder, and would not be read"):
        Landing(str(tmp_path)).files("events", DAY)


@pytest.mark.parametrize("name", ["e 1.csv", "e*.csv", "e[1].csv", "{a}.csv", "événements.csv"])
def test_a_file_whose_name_means_something_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "events" / f"date={DAY}"
    folder.mkdir(parents=True)
    (folder / name).touch()
    with pytest.raises(LandingError, match="its name has .* in it, which readers take"):
        Landing(str(tmp_path)).files("events", DAY)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("VALUE", pa.float64(), "its column VALUE would be passed over: it is spelt value"),
        ("EVENT_ID", pa.string(), "its column EVENT_ID would be passed over: it is spelt event_id"),
        ("Date", pa.string(), "its column Date would be passed over: it is spelt date"),
        ("at", pa.time64("us"), "a column is of type time64"),
        ("half", pa.float16(), "a column is of type halffloat"),
        ("large", pa.decimal256(50), "a column is of type decimal256"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, kind: pa.DataType, sentence: str
) -> None:
    """Even one that nobody would read: Spark fails the file for it, and doesn't say which."""
    known = {column: pa.array(["x"]) for column in EVENTS_REQUIRED}
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table(known | {name: pa.nulls(1, kind)}), path)
    with pytest.raises(LandingError, match=f"e.parquet: {sentence}"):
        inspect(f"file://{path}", EVENTS_REQUIRED)
