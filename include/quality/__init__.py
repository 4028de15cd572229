"""Data quality: what is expected of each table, and why each bound is what it is.

    rules           what a rule is, and those that follow from a table's contract
    events, users…  what one table's own module adds; windows: what feature tables have in common
    runner          the audit: runs the rules on staged rows, with Great Expectations
    verdict         what the audit says of each rule
    accounting      where landed rows went; shares: how many of them may be bad, late or unknown

`include.lake.gate` acts on the verdicts.
"""

from importlib import import_module

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule, contract_rules

# Tables without a module of their own are held to their contract only.
MODULES = {
    "core.events": "events",
    "core.rejected_events": "rejected_events",
    "core.listings": "listings",
    "core.users": "users",
    "features.user_category_daily": "daily_activity",
    "features.user_category": "user_category",
    "features.user": "user",
    "features.category": "category",
    "training.examples": "examples",
    "scores.campaign_propensity": "scores",
}


def rules(contract: Table, quality: Quality) -> tuple[Rule, ...]:
    """All rules for a table, with the bounds of `quality.yaml`."""
    name = MODULES.get(contract.name)
    own = import_module(f"include.quality.{name}").rules(contract, quality) if name else ()
    return (*contract_rules(contract), *own)
