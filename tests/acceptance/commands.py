"""The project's commands, typed as a person would, for the tests in this folder."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def say(line: str) -> None:
    """Print at once: what is measured, and how far a long step has got."""
    print(line, flush=True)


def run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints; it has our environment, unless another one is given.

    Raises:
        AssertionError: It failed; the text ends with the last that it said.
    """
    ended = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise AssertionError(
            f"{' '.join(command)} ended with {ended.returncode}:\n"
            f"{(ended.stdout + ended.stderr)[-3000:]}"
        )
    return ended.stdout


def sql(query: str, role: str = "pipeline", environment: Mapping[str, str] | None = None) -> str:
    """What `make sql` prints."""
    typed = ("make", "-s", "sql", f"Q={query}", f"ROLE={role}")
    return run(*typed, environment=environment).strip()
