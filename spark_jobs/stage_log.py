"""One JSON line for each stage of a job: what it read, what it wrote, how long it took.

`{"stage": "events", "job": "lake_days", "attempt": …, "first_day": …, "last_day": …,
"input": {"landing/events": rows, "core.listings": rows}, "output": {"core.events": rows},
"rows": <written>, "duration_s": …}`. Rows of an input are those of the files that were planned to
be read, so that nobody counts them again.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from include.days import Days


@dataclass
class StageLog:
    """Of one attempt."""

    days: Days
    attempt: str
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)

    def read(self, name: str, rows: int) -> None:
        """The stage that runs reads rows of a table; read twice, they count once."""
        self.inputs[name] = max(rows, self.inputs.get(name, 0))

    def wrote(self, name: str, rows: int) -> None:
        """The stage that runs staged rows of a table."""
        self.outputs[name] = self.outputs.get(name, 0) + rows

    @contextmanager
    def stage(self, name: str, job: str) -> Iterator[None]:
        """Run a stage, and say what became of it. One that fails says why elsewhere."""
        self.inputs, self.outputs = {}, {}
        started = time.monotonic()
        yield
        line = {
            "stage": name,
            "job": job,
            "attempt": self.attempt,
            "first_day": f"{self.days.first}",
            "last_day": f"{self.days.last}",
            "input": self.inputs,
            "output": self.outputs,
            "rows": sum(self.outputs.values()),
            "duration_s": round(time.monotonic() - started, 1),
        }
        print(json.dumps(line), flush=True)
