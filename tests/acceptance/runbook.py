"""The commands of docs/runbook.md, as they are printed there, and which test types each."""

import re

import pytest

from tests.acceptance.commands import PROJECT, run, sql

FIRST_WORDS = re.compile(
    r"(bin/\S+|make|airflow|docker|docker-compose|kubectl|kind|psql|pg_ctl|export|cp|"
    r"select|alter|drop|grant) "
)
SQL = re.compile(r"(select|alter|drop|grant) ")
ELSEWHERE = {
    "make training-image": "a Docker engine: .ci/run builds the image while the tests run",
    "make test-kubernetes": "a cluster: .ci/run types it where one can be had",
    "kind create cluster && make training-image && kind load docker-image "
    "campaign-propensity-training:latest": "kind: .ci/run has another cluster for the same image",
}
"""Commands that need what a machine may lack, and who types them instead."""
TYPED: list[str] = []
"""Commands that tests type, in the order of the tests."""


def commands() -> list[str]:
    """Lines of the blocks, and what stands in backticks and begins like a command; each once."""
    text = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert "```" not in text, "the runbook's blocks are indented: others aren't looked into"
    found = []
    for block, quoted in re.findall(r"(?m)^ {4}(\S.*)$|`([^`]+)`", text):
        inline = " ".join(quoted.split())
        if block or FIRST_WORDS.match(inline):
            found.append(block or inline)
    return [*dict.fromkeys(found)]


def is_named(command: str, name: str) -> bool:
    """Whether a name means this command: all of it but its comment, or its beginning and `…`."""
    if name.endswith("…"):
        return command.startswith(name[:-1])
    return re.sub(r"\s+# .*", "", command) == name


def amiss() -> list[str]:
    """Commands that nobody runs, and names of commands that the runbook doesn't have."""
    printed, known = commands(), [*TYPED, *ELSEWHERE]
    new = [command for command in printed if not any(is_named(command, name) for name in known)]
    gone = [name for name in known if not any(is_named(command, name) for command in printed)]
    return [
        *(f"nobody runs this command, add it to test_runbook.py: {command}" for command in new),
        *(f"docs/runbook.md doesn't have this command: {name}" for name in gone),
    ]


def types(name: str) -> pytest.MarkDecorator:
    """Give a test the command as it is printed."""
    TYPED.append(name)
    found = [command for command in commands() if is_named(command, name)]
    return pytest.mark.parametrize("command", found or [name])


def typed(command: str, then: str = "", environment: dict[str, str] | None = None) -> str:
    """Type a command, and what it prints; SQL as an administrator would.

    Args:
        command: As it is printed, comment and all.
        then: What is typed after it, in the same shell.
        environment: In place of ours.
    """
    if SQL.match(command):
        return sql(command, "admin", environment)
    script = "\n".join(["set -euo pipefail", command, then])
    return run("bash", "-c", script, environment=environment).strip()
