"""`core.rejected_events`: a refused row without a reason would help nobody."""

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule


def rules(_contract: Table, _quality: Quality) -> tuple[Rule, ...]:
    """How many there may be is judged in `shares`."""
    return (
        Rule(
            expectation="ExpectColumnValuesToNotBeInSet",
            arguments={"column": "raw", "value_set": ["", "{}"], "mostly": 0.99},
            severity="warning",
            reason="A raw row without content can't be looked into.",
        ),
    )
