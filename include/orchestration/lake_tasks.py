"""Tasks around a Spark job: judge what it staged, then make it visible."""

import logging
from typing import TYPE_CHECKING

from include.errors import GateError

if TYPE_CHECKING:
    from include.lake import Lake
    from include.receipts import Receipt

log = logging.getLogger(__name__)


def gate(job: str, run: str) -> None:
    """Store the verdicts of a job's audit; refuse what fails a critical expectation.

    Raises:
        GateError: A table failed. Nothing of the attempt becomes visible; its staged files stay
            for a look.
    """
    from include.receipts import read_receipt, receipt_uri
    from include.settings import settings
    from include.warehouse.engine import engine
    from include.warehouse.ledger import record_verdicts

    receipt = read_receipt(receipt_uri(settings(), run, job))
    with engine(settings()).begin() as connection:
        count = record_verdicts(connection, receipt)
    log.info("%s: %d expectations, Data Docs: %s", job, count, receipt.data_docs)
    critical = []
    for table in receipt.tables:
        for failure in table.failures:
            line = f"{table.table}: {failure.column} {failure.expectation}: {failure.observed}"
            if failure.severity == "critical":
                critical.append(f"{line} ({failure.reason})")
            else:
                log.warning("%s (%s)", line, failure.reason)
    if critical:
        raise GateError(
            f"{job} of {receipt.days} was not published, the last good data stays:\n  "
            + "\n  ".join(critical)
            + f"\nData Docs: {receipt.data_docs}\nStaged files: attempt {receipt.attempt}. Repair "
            "the data and clear `build`, or correct the rule in include/quality/ and say why"
        )


def publish(job: str, run: str) -> None:
    """Commit what a job staged, a table at a time, and note it in the ledger.

    Safe to repeat: what is committed already isn't committed again.
    """
    from include.config import load_config
    from include.contracts import lake_tables
    from include.lake import Lake
    from include.receipts import read_receipt, receipt_uri
    from include.settings import settings
    from include.warehouse.engine import engine
    from include.warehouse.ledger import record_accounting, record_commit

    receipt = read_receipt(receipt_uri(settings(), run, job))
    lake = Lake(settings())
    contracts = lake_tables(load_config(settings()).events.names)
    _refuse_erased(lake, receipt)
    properties = {
        "job": receipt.job,
        "attempt": receipt.attempt,
        "data_days": str(receipt.days),
        "code_version": receipt.code_version,
        "run": run,
        **{f"input.{name}": str(snapshot) for name, snapshot in receipt.inputs.items()},
    }
    for table in receipt.tables:
        snapshot = lake.commit(contracts[table.table], table.days, table.files, properties)
        with engine(settings()).begin() as connection:
            record_commit(connection, receipt, table.table, table.days, snapshot)
        print(
            f"[publish] {table.table}: {sum(table.rows.values()):,} rows of {len(table.days)} days "
            f"in snapshot {snapshot}",
            flush=True,
        )
    if receipt.accounting:
        with engine(settings()).begin() as connection:
            record_accounting(connection, receipt)


def _refuse_erased(lake: "Lake", receipt: "Receipt") -> None:
    """What was built before a user was erased may hold rows of theirs."""
    from include.contracts.core import ERASED_USERS
    from include.errors import LakeError

    lake.create(ERASED_USERS)
    if lake.snapshot_id(ERASED_USERS) != receipt.inputs.get(ERASED_USERS.name):
        raise LakeError(
            f"{receipt.job} of {receipt.days} was built before a user was erased and was not "
            "published: clear `build`, which leaves their rows out"
        )


def load_contacts(first_day: str, last_day: str) -> None:
    """Bring the contact data that landed in a range of days to `pii.contacts`."""
    from datetime import date

    from include.days import Days
    from include.settings import settings
    from include.sources.landing import Landing
    from include.warehouse.contacts import load
    from include.warehouse.engine import engine

    days = Days(date.fromisoformat(first_day), date.fromisoformat(last_day))
    with engine(settings()).begin() as connection:
        count = load(connection, Landing(settings().landing_uri), days)
    print(f"[contacts] {count:,} contacts landed in {days} are in pii.contacts", flush=True)
