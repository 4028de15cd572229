"""What a yardstick is asked to do: its one argument, as JSON."""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Work:
    """Inputs, rules and place of a yardstick; paths are those of local files."""

    out: str
    """Folder for the outputs, a folder a table; it isn't there yet."""
    day: str
    """The data day, in ISO form."""
    event_types: tuple[str, ...]
    form: str = "parquet"
    """Of the landed events: `parquet`, or `json` for gzipped JSON lines."""
    landed: tuple[str, ...] = ()
    """The day's landed events."""
    listings: tuple[str, ...] = ()
    """Files of `core.listings`, until the day."""
    rows: tuple[str, ...] = ()
    """Files of the lake table that is read."""
    max_lateness_days: int = 0
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Files of lake tables, by name."""
    days: tuple[str, ...] = ()
    """Days that features are of."""
    campaigns: str = ""
    """The campaigns' file."""
    negative_share: float = 1.0
    model: str = ""
    """URI of a saved model."""

    def to_json(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))

    def folder(self, table: str) -> str:
        """Where a table's files go; made if missing."""
        path = Path(self.out) / table
        path.mkdir(parents=True, exist_ok=True)
        return str(path)


def work() -> Work:
    """What the command line asks for."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    # JSON knows no tuples.
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return Work(**values)
