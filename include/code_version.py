"""Which code is running."""

import os
import subprocess
from functools import cache
from importlib.resources import files

from include.settings import IS_PACKED, PROJECT

PACKED_FILE = "CODE_VERSION"
"""In the zip of `make spark-package`."""


@cache
def code_version() -> str:
    """The commit, with `+changes` where the tree differs from it; `unknown` outside a checkout.

    An image carries no checkout: its build sets `CODE_VERSION`; a zip for Spark has it in a file.
    """
    if built := os.environ.get("CODE_VERSION"):
        return built
    if IS_PACKED:
        return files("include").joinpath(PACKED_FILE).read_text(encoding="utf-8")
    try:
        return subprocess.run(
            [
                "git",
                "-C",
                str(PROJECT),
                "describe",
                "--always",
                "--dirty=+changes",
                "--abbrev=12",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
