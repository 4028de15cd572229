"""The docs agree with the code: paths exist, the picture of packages is the order of imports."""

import re
from pathlib import Path

import pytest

from tests.acceptance import runbook, test_runbook, test_runbook_server  # noqa: F401
from tests.test_imports import LAYERS, PROJECT

PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
]
TOP = ("include/", "spark_jobs/", "dags/", "tests/", "docs/", "docker/", "plugins/", "bin/", ".ci/")


def paths(page: Path) -> set[str]:
    """Paths of the repository that a page names in backticks; `<name>` stands for any name."""
    quoted = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    words = (word.rstrip(".,:") for text in quoted for word in text.split())
    return {re.sub(r"<[^>]+>", "*", word) for word in words if word.startswith(TOP)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    gone = [path for path in paths(page) if not any(PROJECT.glob(path.rstrip("/")))]
    assert gone == []


def test_pages_name_paths() -> None:
    assert sum(len(paths(page)) for page in PAGES) > 60


def test_the_picture_of_packages_is_the_order_that_is_enforced() -> None:
    text = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")
    picture = text.split("## Packages")[1].split("```mermaid\n")[1].split("```")[0]
    order: list[str] = []
    for line in picture.splitlines()[1:]:
        boxes = [re.sub(r'.*\["(.*)"\]', r"\1", box.strip()) for box in line.split("-->")]
        assert not order or boxes[0] == order[-1], "each line goes on where the one before ended"
        order += boxes[1:] if order else boxes
    assert order == [
        ", ".join(package.removeprefix("include.") for package in layer) for layer in LAYERS
    ]


def test_functions_on_an_events_walk_are_where_the_page_says() -> None:
    text = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")
    walk = text.split("## One event's walk")[1].split("\n## ")[0]
    steps = re.findall(r"^\| .* \| `([^`]+)` \| (.*) \|$", walk, re.MULTILINE)
    assert len(steps) > 15
    for file, named in steps:
        source = (PROJECT / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", named):
            defined = rf"(def |function marketing\.){name}\("
            assert re.search(defined, source), f"{file}: {name}"


def test_every_command_of_the_runbook_is_typed_by_a_test() -> None:
    assert runbook.amiss() == []
