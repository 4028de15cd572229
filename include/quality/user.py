"""`features.user`: windows are nested, so their counts must be."""

from include.config import Quality
from include.contracts import Table
from include.quality.rules import Rule
from include.quality.windows import nested_windows, some_rows


def rules(contract: Table, _quality: Quality) -> tuple[Rule, ...]:
    """A longer window holds all of a shorter one."""
    return (some_rows(), nested_windows(contract))
