"""Publish what a job staged: a commit a table, and a note of each in the ledger."""

from include.config import load_config
from include.contracts import lake_tables
from include.contracts.core import ERASED_USERS
from include.database.engine import engine
from include.errors import LakeError
from include.lake.commit import commit
from include.lake.ledger import record_accounting, record_commit
from include.lake.receipts import Receipt, read_receipt, receipt_uri
from include.lake.tables import Lake
from include.settings import settings


def publish(job: str, run: str) -> None:
    """Commit what a job staged, a table at a time, and note it in the ledger.

    Safe to repeat: what is committed already isn't committed again.
    """
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
        snapshot = commit(lake, contracts[table.table], table.days, table.files, properties)
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


def _refuse_erased(lake: Lake, receipt: Receipt) -> None:
    """What was built before a user was erased may hold rows of theirs."""
    lake.create(ERASED_USERS)
    if lake.snapshot_id(ERASED_USERS) != receipt.inputs.get(ERASED_USERS.name):
        raise LakeError(
            f"{receipt.job} of {receipt.days} was built before a user was erased and was not "
            "published: clear `build`, which leaves their rows out"
        )
