"""`core.events`: softer bounds; hard ones come from the contract."""

from include.config import Quality
from include.config.categories import UNKNOWN_CATEGORY
from include.contracts import Table
from include.quality.rules import Rule


def rules(_contract: Table, _quality: Quality) -> tuple[Rule, ...]:
    """Warnings: a person should look, but the day is usable."""
    return (
        Rule(
            expectation="ExpectTableRowCountToBeBetween",
            arguments={"min_value": 1},
            severity="warning",
            reason="A day without any event is rare (2017-12-25 has none: the shops were closed), "
            "so it is worth a look, but it can be true.",
        ),
        Rule(
            expectation="ExpectColumnValuesToNotBeInSet",
            arguments={"column": "category", "value_set": [UNKNOWN_CATEGORY], "mostly": 0.9},
            severity="warning",
            reason="0.5 % of the purchases of 2017 are of products without a category. More than "
            "a tenth means that listings arrive late or not at all.",
        ),
        Rule(
            expectation="ExpectColumnValuesToBeBetween",
            arguments={"column": "value", "min_value": 0, "mostly": 0.95},
            severity="warning",
            reason="Refunds and corrections are a few events in a hundred at most.",
        ),
    )
