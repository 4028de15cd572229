"""`features.user_category_daily`."""

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule


def rules(contract: Table, _quality: Quality) -> tuple[Rule, ...]:
    """One user's day is bounded by how fast a person can click."""
    counts = [name for name in contract.column_names if name.endswith("_count")]
    return tuple(
        Rule(
            expectation="ExpectColumnMaxToBeBetween",
            arguments={"column": name, "max_value": 20_000},
            severity="warning",
            reason="One event every four seconds, all day, in one category: a robot, or a "
            "duplicate that got through.",
        )
        for name in counts
    )
