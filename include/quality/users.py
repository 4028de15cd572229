"""`core.users`: contact data must never be here; the contract has no column for it."""

from datetime import UTC, datetime

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule


def rules(_contract: Table, _quality: Quality) -> tuple[Rule, ...]:
    """A registration before the web is a unit mistaken (seconds for milliseconds)."""
    return (
        Rule(
            expectation="ExpectColumnValuesToBeBetween",
            arguments={
                "column": "registered_at",
                "min_value": datetime(1995, 1, 1, tzinfo=UTC),
                "mostly": 0.99,
            },
            severity="warning",
            reason="No marketplace on the web is older; 1970 means a unit mistaken.",
        ),
    )
