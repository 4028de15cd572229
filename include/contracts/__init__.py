"""Every table once: grain, columns (type, unit, meaning), key, partition.

Spark, Arrow and Iceberg schemas, the basic expectations and the data dictionary come from here.
"""

from include.contracts import core, features, known, propensity, visits
from include.contracts.model import Column, Table

__all__ = ["Column", "Table", "lake_tables"]


def lake_tables(
    event_types: tuple[str, ...], visit_types: tuple[str, ...] = ()
) -> dict[str, Table]:
    """All lake tables, by name.

    Args:
        event_types: The vocabulary of events.
        visit_types: Those of them that make a visit; needed where a model learns, or is asked
            whether it fits.
    """
    every = (
        core.events(event_types),
        core.REJECTED_EVENTS,
        core.REJECTED_DIMENSIONS,
        core.LISTINGS,
        core.USERS,
        # After what they are made from, in which order jobs look at tables: who finds a shortcut
        # that was overtaken found the older arrivals before, and is refused.
        known.KNOWN_LISTINGS,
        known.KNOWN_USERS,
        core.ERASED_USERS,
        features.user_category_daily(event_types),
        known.KNOWN_VISITS,
        features.user_category(event_types),
        features.user(event_types),
        features.category(event_types),
        visits.USER_CATEGORY_VISITS,
        visits.USER_VISITS,
        visits.CAMPAIGN_CATEGORY,
        propensity.examples(event_types, visit_types),
        propensity.SCORES,
    )
    return {table.name: table for table in every}
