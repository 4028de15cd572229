"""What runs the checks calls what there is: .ci/run, the hosted workflow, hooks of git."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[1]


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


CALLERS = (".ci/run", ".github/workflows/ci.yml", ".pre-commit-config.yaml")
MAKEFILE = read("Makefile")
WORKFLOW: dict[str, Any] = yaml.safe_load(read(".github/workflows/ci.yml"))
HOOKS: dict[str, Any] = yaml.safe_load(read(".pre-commit-config.yaml"))


@pytest.mark.parametrize("caller", CALLERS)
def test_every_target_that_is_called_is_one(caller: str) -> None:
    called = re.findall(r"\bmake (?:-\w+ )*([a-z-]+)", read(caller))
    assert called
    assert set(called) <= set(re.findall(r"(?m)^([a-z-]+):", MAKEFILE))


def test_hosted_jobs_call_what_ci_calls_and_nothing_else() -> None:
    commands = {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in WORKFLOW["jobs"].items()
    }
    assert commands == {
        "lint": ["make lint"],
        "tests": ["make test"],
        "compose": ["python3 docker/write_env.py", "docker compose config -q"],
    }
    assert {"make lint", "make lock-check"} <= set(read(".ci/run").splitlines())


def test_hooks_are_lines_of_make_lint() -> None:
    recipe = re.search(r"(?m)^lint: setup ##.*\n((?:\t.+\n)+)", MAKEFILE)
    assert recipe
    lines = [line.strip().replace("$(VENV)", ".venv") for line in recipe[1].splitlines()]
    hooks = [hook for repo in HOOKS["repos"] for hook in repo["hooks"]]
    assert [repo["repo"] for repo in HOOKS["repos"]] == ["local"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"] for hook in hooks if hook["stages"] == ["pre-commit"]] == [
        line for line in lines if "mypy" not in line
    ]
    assert [hook["entry"] for hook in hooks if hook["stages"] == ["pre-push"]] == [
        line for line in lines if "mypy" in line
    ]


def test_every_acceptance_suite_has_a_marker_and_a_command() -> None:
    options = tomllib.loads(read("pyproject.toml"))["tool"]["pytest"]["ini_options"]
    assert "acceptance" in options["norecursedirs"]  # or `make test` would find them
    suites = [
        re.findall(r"pytestmark = \[?pytest\.mark\.(\w+)", path.read_text(encoding="utf-8"))
        for path in (PROJECT / "tests" / "acceptance").glob("test_*.py")
    ]
    named = sorted({suite for (suite,) in suites})
    assert named == [
        "after_run", "cluster", "compose", "large", "order", "own_data", "runbook", "scheduler",
        "store",
    ]  # fmt: skip
    assert set(named) <= {marker.partition(":")[0] for marker in options["markers"]}
    assert all(re.search(rf"\b{suite}\b", MAKEFILE) for suite in named)
