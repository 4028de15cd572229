"""Contact data: from the landing zone straight to `pii.contacts`, past the lake and every log."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow.parquet as pq
from pyarrow import fs
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from include.database.engine import engine
from include.database.tables.audience import Contact, Erasure
from include.days import Days
from include.landing.columns import CONTACT_COLUMNS
from include.landing.zone import Landing
from include.settings import settings

BATCH_ROWS = 5_000
TRUE = {"true", "t", "1", "yes"}


def load_contacts(first_day: str, last_day: str) -> None:
    """Bring the contact data that landed in a range of days to `pii.contacts`."""
    days = Days(date.fromisoformat(first_day), date.fromisoformat(last_day))
    with engine(settings()).begin() as connection:
        count = load(connection, Landing(settings().landing_uri), days)
    print(f"[contacts] {count:,} contacts landed in {days} are in pii.contacts", flush=True)


def load(connection: Connection, landing: Landing, days: Days) -> int:
    """Upsert the contacts that landed; of two rows of a user, the newer day's stays.

    Users who were erased don't come back. Rows whose `user_id` isn't a number are left out here:
    the users job refuses and counts them.
    A consent that isn't clearly given is none.

    Returns:
        Rows written.
    """
    written = 0
    erased = set(connection.scalars(select(Erasure.user_id)))
    for day in days:
        batch: dict[int, dict[str, Any]] = {}
        for uri in landing.files("users", day):
            for row in _rows(uri):
                contact = _contact(row, day)
                if contact is None or contact["user_id"] in erased:
                    continue
                # The same choice between two rows of a day, whatever their order.
                other = batch.get(contact["user_id"])
                if other is None or _order(contact) > _order(other):
                    batch[contact["user_id"]] = contact
        rows = list(batch.values())
        for start in range(0, len(rows), BATCH_ROWS):
            statement = insert(Contact).values(rows[start : start + BATCH_ROWS])
            new = statement.excluded
            statement = statement.on_conflict_do_update(
                index_elements=["user_id"],
                set_={name: new[name] for name in (*CONTACT_COLUMNS, "ingest_date")},
                # A backfill of an old day must not bring an old address back.
                where=Contact.ingest_date <= new.ingest_date,
            )
            connection.execute(statement)
        written += len(rows)
    return written


def _rows(uri: str) -> Iterator[dict[str, Any]]:
    system, path = fs.FileSystem.from_uri(uri)
    if path.endswith(".parquet"):
        yield from pq.read_table(path, filesystem=system).to_pylist()
        return
    with system.open_input_stream(path, compression=None) as raw:
        stream = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else raw
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        if path.removesuffix(".gz").endswith(".csv"):
            yield from csv.DictReader(lines)
            return
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _contact(row: dict[str, Any], day: date) -> dict[str, Any] | None:
    user = str(row.get("user_id") or "" if row.get("user_id") != 0 else 0)
    if not user.isascii() or not user.isdigit():
        return None
    consent = row.get("marketing_consent")
    return {
        "user_id": int(user),
        **{name: row.get(name) or None for name in CONTACT_COLUMNS},
        "marketing_consent": consent is True or str(consent).strip().lower() in TRUE,
        "ingest_date": day,
    }


def _order(contact: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(contact[name]) for name in CONTACT_COLUMNS)
