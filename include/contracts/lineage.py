"""From which partitions of which tables a partition of a lake table is made.

Jobs read by it, the ledger judges by it whether a partition is stale, and the database knows it as
`analytics.lake_inputs`.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from include.contracts.features import LONGEST_WINDOW_DAYS
from include.contracts.known import KNOWN
from include.contracts.visits import CAMPAIGN_CATEGORY, RING_DAYS, USER_CATEGORY_VISITS, USER_VISITS
from include.days import Days, until


@dataclass(frozen=True)
class Reads:
    """A table that is made from partitions of another one, or of itself."""

    table_name: str
    input_table: str
    first_offset_days: int | None = 0
    """First partition that is read, in days after the one that is made; None: since ever."""
    last_offset_days: int = 0
    """Last partition that is read; negative for days before."""

    def reach(self, first: date, last: date) -> Days:
        """The partitions that are read to make those from `first` to `last`."""
        end = last + timedelta(days=self.last_offset_days)
        if self.first_offset_days is None:
            return until(end)
        return Days(first + timedelta(days=self.first_offset_days), end)


JOBS = {
    "events": ("core.rejected_events", "core.events"),
    "daily_activity": ("features.user_category_daily",),
    "features": (
        "features.user_category",
        "features.user",
        "features.category",
        USER_CATEGORY_VISITS.name,
        USER_VISITS.name,
        CAMPAIGN_CATEGORY.name,
    ),
}
"""Jobs whose tables can become stale, in the order in which they build on each other."""

FEATURES = JOBS["features"]
WINDOWS, VISITS = FEATURES[:3], FEATURES[3:]
PAIR_FEATURES = tuple(name for name in FEATURES if name != "features.category")
"""What examples and scores are made from."""
REACH_DAYS = max(LONGEST_WINDOW_DAYS, RING_DAYS)
"""Features of a day are made from so many days of arrivals, its own included."""


def lineage(duplicate_lookback_days: int, horizon_days: int) -> tuple[Reads, ...]:
    """All that lake tables read of lake tables.

    Args:
        duplicate_lookback_days: Days before an event's in which its id is looked for.
        horizon_days: The longest horizon of all campaigns.

    Example:
        An event is compared with those of the days before, and gets the category of its listing:

        >>> for reads in lineage(duplicate_lookback_days=3, horizon_days=7):
        ...     if reads.table_name == "core.events":
        ...         print(reads.input_table, reads.reach(date(2026, 3, 10), date(2026, 3, 10)))
        core.events 2026-03-07..2026-03-09
        core.listings 1970-01-01..2026-03-10
    """
    before = -duplicate_lookback_days
    duplicates = (
        Reads("core.rejected_events", "core.events", before, -1),
        Reads("core.events", "core.events", before, -1),
    )
    return (
        *(duplicates if duplicate_lookback_days else ()),
        *(Reads(known.name, arrivals, None) for arrivals, known in KNOWN.items()),
        Reads("core.events", "core.listings", None),
        Reads("features.user_category_daily", "core.events"),
        *(Reads(n, "features.user_category_daily", 1 - LONGEST_WINDOW_DAYS) for n in WINDOWS),
        *(Reads(n, "features.user_category_daily", 1 - RING_DAYS) for n in VISITS),
        Reads("features.user", "features.user_category"),
        Reads("features.category", "features.user_category"),
        Reads("training.examples", "core.users", None),
        *(Reads("training.examples", name) for name in PAIR_FEATURES),
        Reads("training.examples", "features.user_category_daily", 0, horizon_days),
        Reads("scores.campaign_propensity", "core.users", None),
        *(Reads("scores.campaign_propensity", name) for name in PAIR_FEATURES),
    )
