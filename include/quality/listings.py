"""`core.listings`."""

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule


def rules(_contract: Table, _quality: Quality) -> tuple[Rule, ...]:
    """Categories decide which campaign an event counts for."""
    return (
        Rule(
            expectation="ExpectColumnValuesToNotBeNull",
            arguments={"column": "category", "mostly": 0.9},
            severity="warning",
            reason="540 of 92,331 products of the real data have no category (0.6 %).",
        ),
    )
