"""`core.rejected_events`: a refused row without a reason would help nobody."""

from include.contracts import Table
from include.quality.rules import Rule


def rules(_contract: Table) -> tuple[Rule, ...]:
    """The share of rejected rows is judged with `core.events`, in the accounting."""
    return (
        Rule(
            expectation="ExpectColumnValuesToNotBeInSet",
            arguments={"column": "raw", "value_set": ["", "{}"], "mostly": 0.99},
            severity="warning",
            reason="A raw row without content can't be looked into.",
        ),
    )
