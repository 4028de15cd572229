"""The README's example with your own data, its commands exactly as they stand there."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.acceptance.commands import PROJECT, run

pytestmark = pytest.mark.own_data

MADE = ("mine", ".local-mine")
EXPECTED = ["contacts|1|1|0|0", "events|2|1|1|0", "listings|1|1|0|0", "users|1|1|0|0"]


def commands() -> list[str]:
    """The indented block of the README's section."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Your own data", 1)[1].split("\n## ", 1)[0]
    return [line.strip() for line in re.findall(r"(?m)^ {4}.*$", section)]


@pytest.fixture
def nothing_of_mine() -> Iterator[None]:
    """No folder that the example would write into, before or after."""
    there = [name for name in MADE if (PROJECT / name).exists()]
    if there:
        pytest.fail(f"the example would write into {there}: move them away first", pytrace=False)
    yield
    home = {"PROPENSITY_HOME": str(PROJECT / ".local-mine")}
    subprocess.run(["make", "-s", "down"], cwd=PROJECT, check=True, env=os.environ | home)
    for name in MADE:
        shutil.rmtree(PROJECT / name, ignore_errors=True)


def test_the_readmes_commands_end_as_it_says(nothing_of_mine: None) -> None:
    printed = run("bash", "-euo", "pipefail", "-c", "\n".join(commands()))
    assert printed.strip().splitlines()[-len(EXPECTED) :] == EXPECTED
