"""What must be the case for a section of docs/runbook.md to apply; each is gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from include.database.address import database_url
from include.database.engine import engine
from include.embedded.postgres import start_postgres
from include.models import tracking
from include.models.promotion import registry
from include.models.promotion.champions import add_champion, champion_history, champion_on
from include.settings import load_settings, settings
from tests.acceptance.commands import PROJECT, sql


@contextmanager
def newer_champion(day: str) -> Iterator[str]:
    """Another experiment of the last training, as if it had been promoted after the champion.

    Args:
        day: From which on it is champion.
    """
    client, warehouse = tracking.connect(settings()), engine(settings())
    periods = champion_history(warehouse)
    now = champion_on(periods, date.max)
    assert now
    last = f"champion_id = {now.champion_id}"
    training = sql(f"select training_run from analytics.champions where {last}")
    champion = registry.find(client, now.version, periods)
    finished = tracking.finished_runs(client, training)
    *_, other = [run for run in finished if run.run_id != champion.run_id]
    version = registry.register(client, other, champion.trained_through).version
    with warehouse.begin() as connection:
        add_champion(connection, date.fromisoformat(day), version, "a test", "a test", "a test")
    try:
        yield version
    finally:
        # Who was brought back by name isn't rolled back further, and the suite `cluster` does.
        newer = "champion_id > (select champion_id from analytics.champions where "
        sql(f"delete from analytics.champions where {newer}{last})", "admin")
        registry.update_champion_alias(client, champion_history(warehouse))
        client.delete_model_version(registry.MODEL, version)
        warehouse.dispose()


@contextmanager
def planted(table: str, row: dict[str, Any]) -> Iterator[None]:
    """A row of what a healthy warehouse has none of; the first column says which it is."""
    names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    key = next(iter(row))
    url = database_url(settings(), "warehouse", role="admin")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"insert into {table} ({names}) values ({marks})", row)
        try:
            yield
        finally:
            connection.execute(f"delete from {table} where {key} = %({key})s", row)


@contextmanager
def corrected(day: str) -> Iterator[None]:
    """The source sends a day's events again: it had mixed the listings up."""
    (path,) = (Path(settings().landing_uri) / "events" / f"date={day}").glob("*.parquet")
    whole = path.read_bytes()
    rows = pq.read_table(path)
    ids = np.array(rows["listing_id"].to_pylist(), dtype=object)
    is_there = np.array([one is not None for one in ids])
    ids[is_there] = np.roll(ids[is_there], 1)
    place = rows.schema.get_field_index("listing_id")
    pq.write_table(rows.set_column(place, "listing_id", pa.array(ids, pa.int64())), path)
    try:
        yield
    finally:
        path.write_bytes(whole)


@contextmanager
def another_checkout() -> Iterator[tuple[Path, dict[str, str]]]:
    """A copy of the project whose Postgres runs, and the environment to type commands there."""
    # Not below pytest's folder: as root, the server runs as another user, who can't enter it.
    folder = Path(tempfile.mkdtemp(prefix="propensity-checkout-", dir="/var/tmp"))
    folder.chmod(0o755)
    named = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(named, cwd=PROJECT, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    start_postgres(load_settings({"PROPENSITY_HOME": str(folder / ".local")}))
    # A PROPENSITY_HOME in it would be somebody's, who keeps theirs.
    ours = {name: value for name, value in os.environ.items() if "PROPENSITY" not in name}
    try:
        yield folder, ours
    finally:
        subprocess.run(["make", "-s", "down"], cwd=folder, env=ours, check=True)
        shutil.rmtree(folder)
