"""The one-shot service `init`: databases, roles, pools, accounts of the UI, and sample data."""

import json
import os
import subprocess
import sys
from pathlib import Path

from include.landing.sources import completejourney
from include.landing.zone import TABLES, Landing
from include.settings import PROJECT, settings

ACCOUNTS = {"admin": "ADMIN_PASSWORD", "viewer": "VIEWER_PASSWORD"}
"""Accounts of Airflow's UI, and the variables that hold their passwords."""


def main() -> None:
    """Bring everything up to date; safe to repeat, as each `up` does."""
    write_accounts(Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]))
    _step("Airflow's database and pools", "include.embedded.airflow_database")
    _step("the warehouse, its roles, the lake and MLflow", "include.embedded.databases")
    if Landing(settings().landing_uri).incomplete(TABLES, completejourney.YEAR):
        _step("a year of real data in the landing zone", "include.landing.sources.completejourney")
    print("[init] done", flush=True)


def write_accounts(path: Path) -> None:
    """The file that Airflow's simple auth manager reads; for its owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps({name: os.environ[key] for name, key in ACCOUNTS.items()}))


def _step(what: str, module: str) -> None:
    print(f"[init] {what}", flush=True)
    ended = subprocess.run([sys.executable, "-m", module], cwd=PROJECT, check=False)
    if ended.returncode:
        sys.exit(f"error: {what}: exit code {ended.returncode}, see the lines above; nothing else "
                 "was started. Mend it and run `make compose-up` again")  # fmt: skip


if __name__ == "__main__":
    main()
