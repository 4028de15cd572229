"""What the lake and the warehouse hold, as checksums that don't depend on the order of rows."""

from collections.abc import Iterable

import pyarrow.compute as pc
from sqlalchemy import text

from include.config import load_config
from include.contracts import lake_tables
from include.contracts.known import KNOWN
from include.database.engine import engine
from include.lake.checksum import rows_checksum
from include.lake.tables import Lake
from include.settings import Settings

WAREHOUSE = {
    "predictions.campaign_propensity": "",
    # One that was killed after it was numbered leaves a row that was never visible.
    "predictions.publications": "where published_at is not null and status <> 'superseded'",
    "predictions.campaign_contacts": "",
    "predictions.campaigns": "",
    "pii.contacts": "",
    "pii.rejected_contacts": "",
    "pii.erasures": "",
    "analytics.ingest_accounting": "",
    "analytics.lake_partitions": "where table_name !~ 'known_'",
    "analytics.stale_partitions": "",
    "analytics.champions": "",
    "analytics.model_comparison": "",
    "analytics.model_decisions": "",
    "analytics.campaign_cohorts": "",
    "analytics.campaign_uplift": "",
}
"""Tables, with what rows of them count."""
OF_AN_ATTEMPT = {
    "publication_id", "champion_id", "training_run", "run_id", "attempt", "lake_snapshots",
    "model_card", "code_version", "snapshot_id", "inputs", "input_numbers", "content_number",
    "reason", "report",
}  # fmt: skip
"""Columns that say who made a row, not what it says. Those of times are left out by their type."""

Contents = dict[str, tuple[int, str]]


def contents(chosen: Settings) -> Contents:
    """Rows and checksum by table; of the lake by table and day, too."""
    return {**_lake(chosen), **_warehouse(chosen)}


def _lake(chosen: Settings) -> Contents:
    lake, found = Lake(chosen), {}
    for name, contract in lake_tables(load_config(chosen).events.names).items():
        # A shorter way to read others: which days of them there are depends on what ran when.
        if contract in KNOWN.values():
            continue
        lake.create(contract)
        rows = lake.arrow(contract)
        days = rows.column(contract.partition) if contract.partition else None
        found[name] = (rows.num_rows, rows_checksum(rows))
        for day in sorted({*days.to_pylist()})[-14:] if days is not None else ():
            of_day = rows.filter(pc.equal(days, day))
            found[f"{name} {day}"] = (of_day.num_rows, rows_checksum(of_day))
    return found


def _warehouse(chosen: Settings) -> Contents:
    found = {}
    with engine(chosen, "admin").connect() as connection:
        for name, which in WAREHOUSE.items():
            schema, table = name.split(".")
            columns = connection.execute(
                text("select column_name, data_type from information_schema.columns "
                     "where table_schema = :schema and table_name = :table order by 1"),
                {"schema": schema, "table": table},
            ).all()  # fmt: skip
            said = [
                column for column, kind in columns
                if column not in OF_AN_ATTEMPT and not kind.startswith("timestamp")
            ]  # fmt: skip
            assert said, f"{name} is gone, or has no column that says anything"
            row = ", ".join(f'"{column}"' for column in said)
            count, checksum = connection.execute(text(
                f"select count(*), coalesce(md5(string_agg(said, e'\\n' order by said)), '-') "
                f"from (select ({row})::text as said from {name} {which}) as rows"
            )).one()  # fmt: skip
            found[name] = (count, checksum)
    return found


def differences(before: Contents, after: Contents) -> list[str]:
    """A line for each table, and each of its days, that isn't as it was."""
    return [
        f"{name}: {before.get(name)} became {after.get(name)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def table(found: Contents) -> Iterable[str]:
    """Lines to print, without those of single days."""
    for name, (rows, checksum) in found.items():
        if " " not in name:
            yield f"  {rows:>10,} rows  {checksum}  {name}"
