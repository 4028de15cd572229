"""What tasks read and write, for the lineage in Airflow's UI. Nothing is scheduled by it.

Schedules go by time, and order comes from the lake's ledger: an asset event has no data day.
"""

from airflow.sdk import Asset

from include.contracts import lineage


def lake_table(name: str) -> Asset:
    """A table of the lake, such as `core.events`."""
    return Asset(name=name, uri=f"lake://{name.replace('.', '/')}")


def warehouse_table(name: str) -> Asset:
    """A table of the warehouse, such as `predictions.campaign_propensity`."""
    return Asset(name=name, uri=f"warehouse://{name.replace('.', '/')}")


FEATURES = tuple(lake_table(name) for name in lineage.FEATURES)
PAIR_FEATURES = tuple(lake_table(name) for name in lineage.PAIR_FEATURES)
DAILY_ACTIVITY = lake_table("features.user_category_daily")
USERS = lake_table("core.users")
LISTINGS = lake_table("core.listings")
EVENTS = lake_table("core.events")
EXAMPLES = lake_table("training.examples")
SCORES = lake_table("scores.campaign_propensity")
PREDICTIONS = warehouse_table("predictions.campaign_propensity")
CONTACTS = warehouse_table("pii.contacts")
CHAMPIONS = warehouse_table("analytics.champions")
UPLIFT = warehouse_table("analytics.campaign_uplift")

READS: dict[str, tuple[Asset, ...]] = {
    "lake_days": (),
    "events": (LISTINGS,),
    "daily_activity": (EVENTS,),
    "features": (DAILY_ACTIVITY,),
    "examples": (USERS, *PAIR_FEATURES, DAILY_ACTIVITY),
    "scores": (USERS, *PAIR_FEATURES),
}
"""What a job reads of what other jobs made."""

_EVENTS = (lake_table("core.rejected_events"), EVENTS)

WRITES: dict[str, tuple[Asset, ...]] = {
    "lake_days": (
        lake_table("core.rejected_dimensions"),
        USERS,
        LISTINGS,
        *_EVENTS,
        DAILY_ACTIVITY,
        *FEATURES,
    ),
    "events": _EVENTS,
    "daily_activity": (DAILY_ACTIVITY,),
    "features": FEATURES,
    "examples": (EXAMPLES,),
    "scores": (SCORES,),
}
"""Tables that a job stages, in its order. A test compares them with what the jobs' receipts say."""
