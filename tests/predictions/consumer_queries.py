"""The queries of `docs/consumers.md`, from the page itself."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "consumers.md"


def consumer_queries() -> dict[str, str]:
    """SQL by the name behind the fence."""
    found = re.findall(r"```sql (\w+)\n(.*?);\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(found)
