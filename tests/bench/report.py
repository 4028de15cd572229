"""Ratios as a table on the screen, and in `.local/bench.json`."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from include.settings import PROJECT
from tests.bench.harness import Comparison, Outcome

PATH = PROJECT / ".local" / "bench.json"
HEADINGS = (
    "stage", "beside", "median", "min", "max", "ours s", "theirs s", "ours GiB", "theirs GiB",
    "times",
)  # fmt: skip


def table(comparisons: Sequence[Comparison]) -> str:
    """A line a comparison: ratios (ours by theirs), median seconds and greatest memory."""
    rows = [HEADINGS, *(_row(one) for one in comparisons if not one.problem)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    problems = [f"{c.stage} beside {c.yardstick}: no ratio, {c.problem}" for c in comparisons
                if c.problem]  # fmt: skip
    return "\n".join([*lines, *problems])


def save(comparisons: Sequence[Comparison], path: Path = PATH) -> None:
    """Replace these stages in the file; others that it holds stay.

    A comparison without a ratio takes away what an earlier run said of it.
    """
    held: dict[str, dict[str, dict[str, float]]] = {}
    if path.exists():
        held = json.loads(path.read_text(encoding="utf-8"))
    for one in comparisons:
        stage = held.setdefault(one.stage, {})
        stage.pop(one.yardstick, None)
        if not one.problem:
            stage[one.yardstick] = one.summary()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: stage for name, stage in held.items() if stage}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def _row(one: Comparison) -> tuple[str, ...]:
    ratio = one.summary()
    return (
        one.stage, one.yardstick, *(f"{ratio[name]:.2f}" for name in ("median", "min", "max")),
        _seconds(one.ours), _seconds(one.theirs), _gib(one.ours), _gib(one.theirs),
        str(len(one.ours)),
    )  # fmt: skip


def _seconds(outcomes: Sequence[Outcome]) -> str:
    middle = statistics.median(outcome.duration_s for outcome in outcomes)
    return f"{middle:#.3g}" if middle < 10 else f"{middle:.1f}"


def _gib(outcomes: Sequence[Outcome]) -> str:
    peaks = [outcome.peak_rss_bytes for outcome in outcomes if outcome.peak_rss_bytes]
    return f"{max(peaks) / 2**30:.1f}" if peaks else "-"
