"""Where a user can still be found: what stands in the report of an erasure as `left`."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs
from sqlalchemy import text

from include.config import load_config
from include.contracts import lake_tables
from include.contracts.core import ERASED_USERS
from include.database.base import SCHEMAS
from include.database.engine import engine
from include.lake.erasure import said_user
from include.lake.tables import Lake
from include.lake.upkeep import path_of
from include.landing.zone import TABLES, Landing
from include.settings import Settings
from include.store import system_of

KEEPS_OUT = ("pii.erasures", ERASED_USERS.name)
"""The lists that keep the user out: they must name them."""


def places_of(settings: Settings, user_id: int) -> dict[str, int]:
    """Rows that are about a user, by place; empty if nothing is left but the lists of the erased.

    Looks at every table of the warehouse with a column `user_id`, and at every Parquet file below
    the lake's tables, whether a snapshot refers to it or not: staged files are found, too. The
    landing zone is its source's to clean; it is named if it holds anything at all.

    Args:
        settings: They say where everything is.
        user_id: The user.
    """
    found = {**_in_warehouse(settings, user_id), **_in_lake(settings, user_id)}
    if any(True for table in TABLES for _ in _folders(settings, table)):
        found["landing zone (its source's to clean; not searched)"] = -1
    return found


def _in_warehouse(settings: Settings, user_id: int) -> dict[str, int]:
    found = {}
    with engine(settings).connect() as connection:
        names = connection.execute(
            text(
                "select format('%I.%I', n.nspname, c.relname) from pg_class c "
                "join pg_namespace n on n.oid = c.relnamespace "
                "join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' "
                "and not a.attisdropped "
                "where n.nspname = any (:schemas) and c.relkind = 'r' order by 1"
            ),
            {"schemas": list(SCHEMAS)},
        ).scalars()
        for name in names:
            if name in KEEPS_OUT:
                continue
            rows = connection.scalar(
                text(f"select count(*) from {name} where user_id = :user"),  # noqa: S608
                {"user": user_id},
            )
            if rows:
                found[name] = int(rows)
    return found


def _in_lake(settings: Settings, user_id: int) -> dict[str, int]:
    lake = Lake(settings)
    found: dict[str, int] = {}
    for contract in lake_tables(load_config(settings).events.names).values():
        if contract.name in KEEPS_OUT or not {"user_id", "raw"} & set(contract.column_names):
            continue
        lake.create(contract)
        committed = {path_of(uri) for uri in lake.files(contract)}
        for path, rows in _rows_in(lake.table(contract).location(), user_id):
            place = (
                f"lake {contract.name}{'' if path in committed else ' (in no current snapshot)'}"
            )
            found[place] = found.get(place, 0) + rows
    return found


def _rows_in(location: str, user_id: int) -> Iterator[tuple[str, int]]:
    system, root = system_of(location)
    for info in system.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True)):
        if info.type != fs.FileType.File or not info.path.endswith(".parquet"):
            continue
        with system.open_input_file(info.path) as source:
            file = pq.ParquetFile(source)
            rows, names = 0, file.schema_arrow.names
            if "user_id" in names:
                # What a killed job kept of texts has ids as texts.
                column = file.read(["user_id"]).column("user_id").cast(pa.string())
                column = pc.utf8_ltrim(column, characters="0") if user_id else column
                rows += pc.sum(pc.equal(column, str(user_id))).as_py() or 0
            for name in {"raw", "_corrupt_record"} & set(names):
                raw = file.read([name]).column(name).to_pylist()
                rows += sum(said_user(text) == user_id for text in raw if text is not None)
        if rows:
            yield info.path, int(rows)


def _folders(settings: Settings, table: str) -> Iterator[str]:
    system, path = system_of(Landing(settings.landing_uri).folder_of(table))
    for info in system.get_file_info(fs.FileSelector(path, allow_not_found=True)):
        yield info.path
