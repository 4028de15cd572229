"""Which code is running."""

import os
import subprocess
from functools import cache

from include.settings import PROJECT


@cache
def code_version() -> str:
    """The commit, with `+changes` where the tree differs from it; `unknown` outside a checkout.

    An image carries no checkout: its build sets `CODE_VERSION`.
    """
    if built := os.environ.get("CODE_VERSION"):
        return built
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
