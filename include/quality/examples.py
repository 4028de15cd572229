"""`training.examples`."""

from include.contracts import Table
from include.contracts.features import WINDOWS_DAYS
from include.quality.rules import Rule


def rules(_contract: Table) -> tuple[Rule, ...]:
    """Labels that are all alike teach nothing, and usually mean a window that isn't complete."""
    return (
        Rule(
            expectation="ExpectColumnMeanToBeBetween",
            arguments={"column": "label", "min_value": 0.0005, "max_value": 0.8},
            reason="On the real data 11 % of the pairs react within a week. Next to none means "
            "that the label window isn't filled; nearly all, that the label leaks.",
        ),
        Rule(
            expectation="ExpectColumnMeanToBeBetween",
            arguments={"column": f"user_active_days_{WINDOWS_DAYS[-1]}d", "min_value": 0.1},
            severity="warning",
            reason="Users who were never active can't be told apart.",
        ),
    )
