"""Rules that the window features have in common."""

from itertools import pairwise

from include.contracts import Table
from include.contracts.features import WINDOWS_DAYS
from include.quality.rules import Rule, row_check


def some_rows() -> Rule:
    """Features without rows would score every user as unknown."""
    return Rule(
        expectation="ExpectTableRowCountToBeBetween",
        arguments={"min_value": 1},
        reason="84 days without any event mean that the events are missing, not the users.",
    )


def nested_windows(contract: Table) -> Rule:
    """Counts of a longer window are at least those of the next shorter one."""
    suffix = f"_{WINDOWS_DAYS[0]}d"
    stems = [
        name.removesuffix(suffix)
        for name in contract.column_names
        # Values may be negative (refunds), so only what counts must grow with the window.
        if name.endswith(suffix) and not name.startswith("value_sum")
    ]
    return row_check(
        "windows_are_nested",
        [
            f'"{stem}_{longer}d" >= "{stem}_{shorter}d"'
            for stem in stems
            for shorter, longer in pairwise(WINDOWS_DAYS)
        ],
        reason="A longer window holds all of a shorter one.",
    )
