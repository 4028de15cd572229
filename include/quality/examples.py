"""`training.examples`."""

from include.config import Quality
from include.contracts import Table
from include.contracts.features import WINDOWS_DAYS
from include.quality.rules import Rule


def rules(_contract: Table, quality: Quality) -> tuple[Rule, ...]:
    """Labels that are all alike teach nothing, and usually mean a window that isn't complete."""
    return (
        Rule(
            expectation="ExpectColumnMeanToBeBetween",
            arguments={
                "column": "label",
                "min_value": quality.reactions.at_least,
                "max_value": quality.reactions.at_most,
            },
            reason="Next to no reaction means that the label window isn't filled; nearly all, that "
            "the label leaks. On the real data 11 % of the pairs react within a week. Bounds: "
            "quality.yaml, reactions",
        ),
        Rule(
            expectation="ExpectColumnMeanToBeBetween",
            arguments={"column": f"user_active_days_{WINDOWS_DAYS[-1]}d", "min_value": 0.1},
            severity="warning",
            reason="Users who were never active can't be told apart.",
        ),
    )
