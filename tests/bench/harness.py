"""Measure a stage of ours beside its yardsticks: in turns, and only where both made the same.

A repetition runs ours once, then each yardstick once, so that a slow minute of the machine hits all
of them; a ratio is that of one repetition. What the machine does in between is nobody's.
"""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_DIFFERENCES = 5


class BenchError(Exception):
    """A side didn't run to its end; the text says which, and how it ended."""


@dataclass(frozen=True)
class Digest:
    """An output table, whatever the order of its rows and the files that they lie in."""

    row_count: int
    checksum: str = ""
    """Sum of the rows' hashes; empty where only the number of rows is compared."""

    def __str__(self) -> str:
        return f"{self.row_count:,} rows" + (f", checksum {self.checksum}" if self.checksum else "")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run of one side."""

    duration_s: float
    outputs: Mapping[str, Digest] = field(default_factory=dict)
    """By table; a yardstick names what it makes of what ours makes."""
    peak_rss_bytes: int | None = None
    """Of the whole process tree, summed; None where it isn't a process of its own."""
    parts_s: Mapping[str, float] = field(default_factory=dict)
    """Parts of the duration that are reported as stages of their own, by name."""


@dataclass(frozen=True)
class Side:
    """Ours, or a yardstick."""

    name: str
    run: Callable[[], Outcome]


@dataclass(frozen=True)
class Stage:
    """What is measured, and beside what."""

    name: str
    ours: Side
    yardsticks: tuple[Side, ...]


@dataclass
class Comparison:
    """A stage beside one yardstick; one entry a repetition."""

    stage: str
    yardstick: str
    ours: list[Outcome] = field(default_factory=list)
    theirs: list[Outcome] = field(default_factory=list)
    problem: str = ""
    """Why there is no ratio; empty: there is one."""

    @property
    def ratios(self) -> list[float]:
        """Ours by theirs, of each repetition: below 1 ours was faster."""
        return [o.duration_s / t.duration_s for o, t in zip(self.ours, self.theirs, strict=True)]

    def summary(self) -> dict[str, float]:
        """Median, least and greatest ratio.

        Raises:
            ValueError: There is none to be had.
        """
        if self.problem or not self.ratios:
            raise ValueError(f"{self.stage} by {self.yardstick}: {self.problem or 'never ran'}")
        return {
            "median": round(statistics.median(self.ratios), 3),
            "min": round(min(self.ratios), 3),
            "max": round(max(self.ratios), 3),
        }


def measure(
    stage: Stage, repeat: int, say: Callable[[str], None] = lambda text: print(text, flush=True)
) -> list[Comparison]:
    """Run a stage and its yardsticks in turns.

    A yardstick that fails, or whose outputs differ, isn't run again; the others are. Nothing of the
    stage is reported if ours fails.

    Args:
        stage: What to run.
        repeat: How often.
        say: Takes a line a run.

    Returns:
        One comparison a yardstick, and one with the yardstick `stage` for each part.
    """
    found = {side.name: Comparison(stage.name, side.name) for side in stage.yardsticks}
    parts: dict[str, Comparison] = {}
    for number in range(1, repeat + 1):
        try:
            ours = _run(stage, stage.ours, f"{number} of {repeat}", say)
        except BenchError as error:
            for comparison in found.values():
                comparison.problem = f"ours failed: {error}"
            return [*found.values()]
        for name, seconds in ours.parts_s.items():
            part = parts.setdefault(name, Comparison(f"{name}_{stage.name}", "stage"))
            part.ours.append(Outcome(duration_s=seconds))
            part.theirs.append(ours)
        for side in stage.yardsticks:
            comparison = found[side.name]
            if comparison.problem:
                continue
            try:
                theirs = _run(stage, side, f"{number} of {repeat}", say)
            except BenchError as error:
                comparison.problem = f"{side.name} failed: {error}"
                continue
            if different := differences(ours.outputs, theirs.outputs):
                comparison.problem = f"outputs differ: {different}"
                say(f"[{stage.name}] {side.name}: no ratio, {comparison.problem}")
            else:
                comparison.ours.append(ours)
                comparison.theirs.append(theirs)
    return [*found.values(), *parts.values()]


def differences(ours: Mapping[str, Digest], theirs: Mapping[str, Digest]) -> str:
    """What a yardstick's outputs say otherwise than ours; empty where they agree."""
    said = [
        f"{name}: ours has {ours.get(name, 'no such table')}, theirs {digest}"
        for name, digest in theirs.items()
        if ours.get(name) != digest
    ]
    return "; ".join(said[:MAX_DIFFERENCES])


def _run(stage: Stage, side: Side, turn: str, say: Callable[[str], None]) -> Outcome:
    outcome = side.run()
    memory = f", {outcome.peak_rss_bytes / 2**30:.1f} GiB" if outcome.peak_rss_bytes else ""
    say(f"[{stage.name}] {turn}: {side.name} {outcome.duration_s:.1f} s{memory}")
    return outcome
