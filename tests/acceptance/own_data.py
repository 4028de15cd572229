"""The README's example with your own data, its commands exactly as they stand there.

bin/python tests/acceptance/own_data.py
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
MADE = ("mine", ".local-mine")
EXPECTED = ["events|2|1|1|0", "listings|1|1|0|0", "users|1|1|0|0"]


def commands() -> str:
    """The indented block of the README's section."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Your own data", 1)[1].split("\n## ", 1)[0]
    return "\n".join(line.strip() for line in re.findall(r"(?m)^ {4}.*$", section))


def main() -> None:
    if there := [name for name in MADE if (PROJECT / name).exists()]:
        sys.exit(f"the example would write into {there}: move them away first")
    script = commands()
    try:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seen = ended.stdout.strip().splitlines()[-len(EXPECTED) :]
        if ended.returncode or seen != EXPECTED:
            sys.exit(
                f"FAILED with {ended.returncode}, it ended with {seen}:\n"
                + (ended.stdout + ended.stderr)[-3000:]
            )
    finally:
        home = {"PROPENSITY_HOME": str(PROJECT / ".local-mine")}
        subprocess.run(["make", "-s", "down"], cwd=PROJECT, check=True, env=os.environ | home)
        for name in MADE:
            shutil.rmtree(PROJECT / name, ignore_errors=True)
    print(f"ok: the {len(script.splitlines())} commands of the README end with {seen}")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
