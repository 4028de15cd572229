"""Contact data: from the landing zone straight to `pii.contacts`, past the lake and every log."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, text, update

from include.audience.contact_rows import parse
from include.database.data_days import other_zone
from include.database.engine import engine
from include.database.tables.audience import RejectedContact
from include.database.tables.lake import IngestAccounting
from include.database.upsert import upsert
from include.database.without_values import without_values
from include.days import Days
from include.errors import ConfigError, LandingError
from include.landing.columns import CONTACTS_LANDING, CONTACTS_REQUIRED
from include.landing.files import inspect
from include.landing.rows import read_rows
from include.landing.zone import SUCCESS, Landing
from include.settings import settings

ACCOUNTED_AS = "contacts"
"""In `analytics.ingest_accounting`; a row there says that the day's contacts are loaded."""


@dataclass(frozen=True)
class Counts:
    """Where the contact rows of a day went: `landed` is the sum of the others."""

    landed: int
    accepted: int
    rejected: int
    duplicate: int
    erased: int


def load_contacts(first_day: str, last_day: str) -> None:
    """Bring the contact data that landed in a range of days to `pii.contacts`.

    Each day is a transaction of its own, which ends with the day's row in
    `analytics.ingest_accounting`: a run that was killed goes on by being run again.

    Raises:
        LandingError: A day isn't complete, or a file of it can't be read; the text names it.
        ConfigError: The warehouse's days end elsewhere.
        WithheldError: The database refused something; the text holds nobody's data.
    """
    days = Days(date.fromisoformat(first_day), date.fromisoformat(last_day))
    landing = Landing(settings().landing_uri)
    if missing := landing.incomplete(["users"], days):
        raise LandingError(
            f"{missing[0]} has no {SUCCESS}, so the day isn't complete"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + ". Ask the source, or wait; nothing was changed"
        )
    with without_values(f"loading the contacts of {days}"), engine(settings()).connect() as asked:
        zone = other_zone(asked, settings().time_zone)
    if zone:
        raise ConfigError(
            f"the warehouse's days are days of {zone}, and PROPENSITY_TIME_ZONE is "
            f"{settings().time_zone}: set it alike for all parts of the stack. No contacts of "
            f"{days} were loaded"
        )
    landed = refused = 0
    for day in days:
        # Around the transaction too: a commit can fail, and a connection break, over a row.
        with without_values(f"loading the contacts of {day}"), engine(settings()).begin() as opened:
            counts = load_day(opened, landing, day)
        landed += counts.landed
        refused += counts.rejected
    print(
        f"[contacts] {landed:,} contact rows landed in {days}; {refused:,} were refused "
        "(pii.rejected_contacts says why)",
        flush=True,
    )


def load_day(connection: Connection, landing: Landing, day: date) -> Counts:
    """Bring what landed on one day to `pii.contacts`, in the caller's transaction.

    Of a user's rows of one day, one is kept. A withdrawal wins:

    - where all of them say when they were written (`updated_at`), the newest one is kept;
    - where any doesn't, or two are equally new, consent is given only if all of them give it; the
      rest comes from the newest, then from the greatest by e-mail, phone and name.

        user_id  email            marketing_consent  updated_at             kept
        1        old@example.org  true               2026-03-01T08:00:00Z
        1        new@example.org  false              2026-03-01T09:00:00Z   new@example.org, false
        2        a@example.org    true
        2        b@example.org    false                                     b@example.org, false
        3        a@example.org    false
        3        b@example.org    true               2026-03-01T09:00:00Z   b@example.org, false

    The newest day's row stays, in whatever order days are loaded. A row that is refused gives
    nothing, but where it can be told whose it is and it doesn't give consent, it withdraws it:
    from that day's row of the user, and from older days' rows.

    Users who were erased don't come back. Loading a day again replaces what is noted of it.

    Raises:
        LandingError: A file can't be read; the text names it.
        WithheldError: The database refused something; the text holds nobody's data.
    """
    with without_values(f"loading the contacts of {day}"):
        connection.execute(text("drop table if exists pg_temp.landed_contacts"))
        connection.execute(text(_STAGING))
        _copy(connection, landing, day)
        connection.execute(text("analyze pg_temp.landed_contacts"))
        return _merge(connection, day)


def forget_refused(connection: Connection, user_id: int) -> int:
    """Erasing a user: delete the notes about their refused rows, and count these as erased.

    Returns:
        Notes deleted.
    """
    gone = connection.execute(
        delete(RejectedContact)
        .where(RejectedContact.user_id == user_id)
        .returning(RejectedContact.ingest_date)
    ).all()
    for (day,) in gone:
        connection.execute(
            update(IngestAccounting)
            .where(IngestAccounting.table_name == ACCOUNTED_AS, IngestAccounting.ingest_date == day)
            .values(rejected=IngestAccounting.rejected - 1, erased=IngestAccounting.erased + 1)
        )
    return len(gone)


def _copy(connection: Connection, landing: Landing, day: date) -> None:
    """Stream the day's rows, parsed, to the staging table."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _staged(landing, day):
            copy.write_row(row)


def _staged(landing: Landing, day: date) -> Iterator[tuple[Any, ...]]:
    for uri in landing.files_of_complete("users", day):
        name = "/".join(uri.rsplit("/", 3)[1:])  # below the landing zone, like the lake's
        for landed in read_rows(inspect(uri, CONTACTS_REQUIRED), CONTACTS_LANDING):
            row = parse(landed, day, settings().time_zone)
            yield (
                name,
                landed.number,
                row.user_id,
                row.email,
                row.phone,
                row.full_name,
                row.gives_consent,
                row.updated_at,
                row.reasons or None,
            )


def _merge(connection: Connection, day: date) -> Counts:
    def run(sql: str) -> int:
        return connection.execute(text(sql), {"day": day}).rowcount

    # One load at a time from here on, and no erasure between reading its list and our commit:
    # it deletes from this table, so it comes wholly before or wholly after. Readers don't notice.
    connection.execute(text("lock table pii.contacts in share row exclusive mode"))
    landed = connection.scalar(text("select count(*) from pg_temp.landed_contacts"))
    erased = run(_LEAVE_OUT_ERASED)
    found: Any = connection.execute(text(_COUNT)).one()
    run(_UPSERT)
    connection.execute(delete(RejectedContact).where(RejectedContact.ingest_date == day))
    run(_NOTE_REFUSED)
    run(_WITHDRAW)
    counts = Counts(
        landed=landed or 0,
        accepted=found.users,
        rejected=found.refused,
        duplicate=found.valid - found.users,
        erased=erased,
    )
    row = {"table_name": ACCOUNTED_AS, "ingest_date": day, **asdict(counts)}
    upsert(connection, IngestAccounting, [row])
    return counts


# Gone with the transaction. Not a dictionary here: a first day may bring every user there is.
_STAGING = """
create temporary table landed_contacts (
  source_file text not null,
  row_number bigint not null,
  user_id bigint,
  email text,
  phone text,
  full_name text,
  gives_consent boolean not null,
  updated_at timestamptz,
  reasons text[]
) on commit drop
"""

_COPY = "copy pg_temp.landed_contacts from stdin"

_LEAVE_OUT_ERASED = """
delete from pg_temp.landed_contacts l using pii.erasures e where e.user_id = l.user_id
"""

_COUNT = """
select
  count(*) filter (where reasons is null) as valid,
  count(distinct user_id) filter (where reasons is null) as users,
  count(*) filter (where reasons is not null) as refused
from pg_temp.landed_contacts
"""

_UPSERT = """
with ranked as (
  select *,
    rank() over (partition by user_id order by updated_at desc nulls last) = 1 as is_newest
  from pg_temp.landed_contacts
  -- A refused row can withdraw a consent, but not give one.
  where user_id is not null and (reasons is null or not gives_consent)
), consent as (
  select user_id,
    case when bool_and(updated_at is not null) then bool_and(gives_consent) filter (where is_newest)
      else bool_and(gives_consent) end as is_given
  from ranked group by user_id
), chosen as (
  select distinct on (user_id) user_id, email, phone, full_name
  from pg_temp.landed_contacts
  where reasons is null
  order by user_id, updated_at desc nulls last, email collate "C" desc nulls last,
    phone collate "C" desc nulls last, full_name collate "C" desc nulls last
)
insert into pii.contacts as known
  (user_id, email, phone, full_name, marketing_consent, ingest_date)
select user_id, email, phone, full_name,
  is_given and not exists (
    select from pii.rejected_contacts r
    where r.user_id = chosen.user_id and r.withdraws_consent and r.ingest_date > :day
  ),
  :day
from chosen join consent using (user_id)
on conflict (user_id) do update set
  email = excluded.email, phone = excluded.phone, full_name = excluded.full_name,
  marketing_consent = excluded.marketing_consent, ingest_date = excluded.ingest_date
-- A backfill of an old day must not bring an old address back.
where known.ingest_date <= excluded.ingest_date and known is distinct from excluded
"""

_NOTE_REFUSED = """
insert into pii.rejected_contacts
  (ingest_date, source_file, row_number, user_id, reasons, withdraws_consent)
select :day, source_file, row_number, user_id, reasons, user_id is not null and not gives_consent
from pg_temp.landed_contacts where reasons is not null
"""

_WITHDRAW = """
update pii.contacts c set marketing_consent = false
from pii.rejected_contacts r
where r.ingest_date = :day and r.withdraws_consent and r.user_id = c.user_id
  and c.ingest_date < :day and c.marketing_consent
"""
