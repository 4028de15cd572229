"""Run a command, and say how long it took and how much memory its processes held together."""

import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.harness import BenchError

SAMPLE_EVERY_S = 0.2
TIMED = re.compile(r"^\[timed\] (\d+\.\d+) s$", re.MULTILINE)
"""What a process prints that took a time itself, without its imports."""
TAIL_LINES = 15


@dataclass(frozen=True)
class Ran:
    """A command that ended well."""

    duration_s: float
    peak_rss_bytes: int
    """Greatest sum over the process tree that was seen; what processes share counts in each."""
    output: str

    @property
    def timed_s(self) -> float:
        """What the process says that it took, or what it took as a whole."""
        said = TIMED.findall(self.output)
        return float(said[-1]) if said else self.duration_s


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Ran:
    """Run a command to its end.

    Args:
        command: With its arguments.
        environment: All of its variables.
        folder: Where it runs.
        log: File for what it prints, replaced.

    Raises:
        BenchError: It ended with another exit code than 0; the text ends with what it printed last.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as printed,
        subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=printed,
            stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        memory = _Memory(process.pid)
        memory.start()
        try:
            code = process.wait()
            duration_s = time.monotonic() - started
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            memory.ended.set()
    output = log.read_text(encoding="utf-8", errors="replace")
    if code:
        last = "\n".join(output.splitlines()[-TAIL_LINES:])
        raise BenchError(f"exit code {code}, its whole log is {log}\n{last}")
    return Ran(duration_s, memory.peak_bytes, output)


class _Memory(threading.Thread):
    """Looks at a process tree until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.ended = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_EVERY_S):
            held = 0
            for process in _tree(self.pid):
                with suppress(psutil.Error):
                    held += process.memory_info().rss
            self.peak_bytes = max(self.peak_bytes, held)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _kill(pid: int) -> None:
    for process in _tree(pid):
        with suppress(psutil.Error):
            process.kill()
