"""Land synthetic traffic of any size: skewed like a marketplace's, with a signal to find.

Every row follows from the seed, its day and its number, so the same arguments give the same files.
Rows are made and written in batches: memory doesn't grow with users, listings, days or events.

Skew: a user's index is `users × u³` for a uniform u, so the busiest tenth makes nearly half of the
events; listings likewise with u². Signal: a user has one favourite category for good and one
interest that changes every three weeks; most of their events are in one of the two.

Its events are of the types view, favourite and contact, which the default configuration doesn't
list. So name files that do, and a place of their own for what is made of it:

    export PROPENSITY_HOME=$PWD/.local-synthetic
    export PROPENSITY_EVENTS=docs/synthetic/events.yaml
    export PROPENSITY_CAMPAIGNS=docs/synthetic/campaigns.yaml
    bin/python -m include.landing.sources.synthetic --from-day 2026-01-05 --to-day 2026-02-08

docs/landing.md goes on from there.
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.config import load_config
from include.days import Days
from include.landing.sources import synthetic_changes as changes
from include.landing.zone import Landing
from include.settings import settings

BATCH_ROWS = 1_000_000
INTEREST_DAYS = 21
FAVOURITE_SHARE, INTEREST_SHARE = 0.35, 0.35
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What to make. Shares are 0-1 and say what part of a day's rows is spoilt in that way."""

    users: int = 10_000
    listings: int = 50_000
    categories: int = 50
    events_per_day: int = 100_000
    seed: int = 1
    event_types: tuple[str, ...] = ("view", "favourite", "contact")
    type_shares: tuple[float, ...] = (0.8, 0.15, 0.05)
    duplicate_share: float = 0.0
    """Rows that are duplicates of another row of the day."""
    late_share: float = 0.0
    """Rows that happened one to three days before they arrive."""
    malformed_share: float = 0.0
    """Rows with an unknown type, which is refused."""
    busiest_user_share: float = 0.0
    """Rows that are one user's, beside what they have anyway: a scraper, say."""
    busiest_listing_share: float = 0.0
    """Rows that are about one listing, beside what it has anyway."""
    repeated_share: float = 0.0
    """Rows that are rows of the day before, delivered again."""
    contradicting_share: float = 0.0
    """Rows that have the id of another row of the day."""
    value_share: float = 0.0
    """Rows with a value."""
    refund_share: float = 0.0
    """Of those, rows whose value is negative."""
    new_users_per_day: int = 0
    """Users who land on each day after the first, without events so far."""
    changed_listings_share: float = 0.0
    """Listings that land again on each day after the first, in another category."""
    is_shuffled: bool = False
    """Whether rows come out of order."""

    def __post_init__(self) -> None:
        """Refuse what can't be made."""
        if min(self.users, self.listings, self.categories, self.events_per_day) < 1:
            raise ValueError("users, listings, categories and events_per_day must be at least 1")
        if self.categories > self.listings:
            raise ValueError(f"{self.categories} categories need at least as many listings")
        if len(self.type_shares) != len(self.event_types):
            raise ValueError("type_shares needs one share for each of event_types")


def category_name(number: int) -> str:
    """Name of a synthetic category."""
    return f"category-{number:04d}"


def events_batch(traffic: Traffic, day: date, number: int, rows: int) -> pa.Table:
    """The `number`-th batch of a day, with `rows` rows."""
    made = _fresh_events(traffic, day, number, rows)
    if not traffic.repeated_share:
        return made
    before = _fresh_events(traffic, day - timedelta(days=1), number, rows)
    rng = np.random.default_rng([traffic.seed, day.toordinal(), number, 3])
    return changes.with_repeats(made, before, rng, traffic.repeated_share)


def _fresh_events(traffic: Traffic, day: date, number: int, rows: int) -> pa.Table:
    rng = np.random.default_rng([traffic.seed, day.toordinal(), number])
    # Draws of its own: traffic without them stays as it is.
    skew = np.random.default_rng([traffic.seed, day.toordinal(), number, 1])
    user = (traffic.users * rng.random(rows) ** 3).astype(np.int64)
    user[skew.random(rows) < traffic.busiest_user_share] = traffic.users // 2
    category = _category(traffic, day, user, rng.random(rows))
    per_category = traffic.listings // traffic.categories
    listing = (per_category * rng.random(rows) ** 2).astype(np.int64) * traffic.categories
    is_of_one = skew.random(rows) < traffic.busiest_listing_share
    listing[is_of_one], category[is_of_one] = 0, 0
    kind = rng.choice(len(traffic.event_types), rows, p=traffic.type_shares)
    start_us = (day - EPOCH.date()).days * DAY_US
    occurred = start_us + np.sort(rng.integers(0, DAY_US, rows))
    late = rng.random(rows) < traffic.late_share
    occurred = np.where(late, occurred - rng.integers(1, 4, rows) * DAY_US, occurred)
    names = np.array([*traffic.event_types, "telepathy"], dtype=object)
    kind = np.where(rng.random(rows) < traffic.malformed_share, len(traffic.event_types), kind)
    serial = np.arange(rows)
    is_duplicate = (rng.random(rows) < traffic.duplicate_share) & (serial > 0)
    source = np.where(is_duplicate, serial - 1, serial)
    source = np.where(is_duplicate[source], serial, source)
    order = rng.permutation(rows) if traffic.is_shuffled else serial
    picked = source[order]
    made = pa.table(
        {
            "event_id": pa.array([f"s-{day:%Y%m%d}-{number}-{index}" for index in picked]),
            "occurred_at": pa.array(occurred[picked], pa.timestamp("us", tz="UTC")),
            "user_id": pa.array(user[picked]),
            "listing_id": pa.array((listing + category)[picked]),
            "event_type": pa.array(names[kind[picked]], pa.string()),
            "value": pa.nulls(rows, pa.float64()),
        }
    )
    rng = np.random.default_rng([traffic.seed, day.toordinal(), number, 2])
    if traffic.value_share:
        made = changes.with_values(made, rng, traffic.value_share, traffic.refund_share)
    if traffic.contradicting_share:
        made = changes.with_contradictions(made, rng, traffic.contradicting_share)
    return made


def _category(
    traffic: Traffic, day: date, user: NDArray[np.int64], draw: NDArray[np.float64]
) -> NDArray[np.int64]:
    favourite = (user * 2_654_435_761 >> 7) % traffic.categories
    season = day.toordinal() // INTEREST_DAYS
    interest = ((user * 40_503 + season * 9_176_263) >> 5) % traffic.categories
    anything = (draw * 1e9).astype(np.int64) % traffic.categories
    return np.where(
        draw < FAVOURITE_SHARE,
        favourite,
        np.where(draw < FAVOURITE_SHARE + INTEREST_SHARE, interest, anything),
    )


def land(landing: Landing, traffic: Traffic, days: Days) -> int:
    """Land a range of days; listings and users land on the first, and what is new of them later.

    Returns:
        Number of event rows written.
    """
    written = 0
    for day in days:
        with landing.write_day("events", day) as writer:
            for number, start in enumerate(range(0, traffic.events_per_day, BATCH_ROWS)):
                rows = min(BATCH_ROWS, traffic.events_per_day - start)
                writer.write(events_batch(traffic, day, number, rows))
                written += rows
        with landing.write_day("listings", day) as writer:
            if day == days.first:
                for start in range(0, traffic.listings, BATCH_ROWS):
                    ids = np.arange(start, min(start + BATCH_ROWS, traffic.listings))
                    writer.write(_listings(traffic, ids, 0))
            elif traffic.changed_listings_share:
                rng = np.random.default_rng([traffic.seed, day.toordinal(), 4])
                share = traffic.changed_listings_share
                ids = changes.changed_listings(traffic.listings, rng, share)
                writer.write(_listings(traffic, ids, (day - days.first).days))
        with landing.write_day("users", day) as writer:
            landing_now = changes.new_users(
                traffic.users, traffic.new_users_per_day, days.first, day
            )
            for start in range(0, len(landing_now), BATCH_ROWS):
                writer.write(_users(day, landing_now[start : start + BATCH_ROWS]))
        print(f"[land] {day}: {written} events so far", flush=True)
    return written


def _listings(traffic: Traffic, ids: NDArray[np.int64], day_number: int) -> pa.Table:
    names = np.array([category_name(n) for n in range(traffic.categories)], dtype=object)
    return pa.table(
        {
            "listing_id": pa.array(ids),
            "category": pa.array(names[(ids + day_number) % traffic.categories], pa.string()),
            "title": pa.array([f"listing {number}" for number in ids]),
            "price": pa.array((ids * 7919 % 50_000 + day_number) / 100),
        }
    )


def _users(day: date, ids: NDArray[np.int64]) -> pa.Table:
    registered = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    return pa.table(
        {
            "user_id": pa.array(ids),
            "registered_at": pa.array([registered] * len(ids), pa.timestamp("us", tz="UTC")),
            "email": pa.array([f"user-{number}@example.org" for number in ids]),
            "phone": pa.array([f"+1-202-555-01{number % 100:02d}" for number in ids]),
            "full_name": pa.array([f"Synthetic User {number}" for number in ids]),
            "marketing_consent": pa.array(ids * 2_654_435_761 % 10 < 7),
        }
    )


def main() -> None:
    """Land synthetic traffic in the landing zone of the settings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from-day", type=date.fromisoformat, required=True)
    parser.add_argument("--to-day", type=date.fromisoformat, required=True)
    for name in (
        "users", "listings", "categories", "events_per_day", "seed", "new_users_per_day",
    ):  # fmt: skip
        default = getattr(Traffic, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    for name in (
        "duplicate_share", "late_share", "malformed_share", "busiest_user_share",
        "busiest_listing_share", "repeated_share", "contradicting_share", "value_share",
        "refund_share", "changed_listings_share",
    ):  # fmt: skip
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0)
    parser.add_argument("--shuffled", dest="is_shuffled", action="store_true")
    arguments = vars(parser.parse_args())
    days = Days(arguments.pop("from_day"), arguments.pop("to_day"))
    traffic = Traffic(**arguments)
    known = load_config(settings()).events.names
    if unknown := [name for name in traffic.event_types if name not in known]:
        parser.error(
            f"{settings().events} doesn't list {', '.join(unknown)}, so every event would be "
            "refused; nothing was landed. Set PROPENSITY_EVENTS and PROPENSITY_CAMPAIGNS as --help "
            "says"
        )
    land(Landing(settings().landing_uri), traffic, days)


if __name__ == "__main__":
    main()
