"""`scores.campaign_propensity`."""

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule


def rules(_contract: Table, quality: Quality) -> tuple[Rule, ...]:
    """A table of constants is not a prediction."""
    return (
        Rule(
            expectation="ExpectTableRowCountToBeBetween",
            arguments={"min_value": 1},
            reason="Every known user has a score for every active campaign.",
        ),
        Rule(
            expectation="ExpectColumnStdevToBeBetween",
            arguments={"column": "score", "min_value": 1e-6},
            severity="warning",
            reason="Scores that are all alike mean that the features were empty.",
        ),
        Rule(
            expectation="ExpectColumnMeanToBeBetween",
            arguments={
                "column": "score",
                "min_value": quality.reactions.at_least,
                "max_value": quality.reactions.at_most,
            },
            reason="The mean of calibrated scores is the expected share of reactions: the same "
            "bounds as for the labels that the model learnt from. Bounds: quality.yaml, reactions",
        ),
    )
