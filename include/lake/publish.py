"""Publish what a job staged: a commit a table, and a note of each in the ledger.

    under one lock:  look → refuse what is stale → mark the days → take away what was known later
                     → commit each table → note them all

Between the mark and the note nobody downstream reads the days: a day has the tables of one attempt,
or isn't there. Whatever ends a publication, publishing the same receipt again completes it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from include.config import PipelineConfig, load_config
from include.contracts import lake_tables
from include.contracts.core import ERASED_USERS
from include.contracts.lineage import Reads, lineage
from include.database.engine import engine
from include.errors import LakeError
from include.lake.commit import commit
from include.lake.known import overtaken
from include.lake.ledger import (
    forget_partitions,
    record_accounting,
    record_commit,
    store_lineage,
)
from include.lake.lock import publishing
from include.lake.order import Change, changes
from include.lake.receipts import Receipt, read_receipt, receipt_uri
from include.lake.tables import Lake
from include.settings import settings


def publish(job: str, run: str) -> None:
    """Commit what a job staged, a table at a time, and note it in the ledger.

    Safe to repeat, and beside others: rows that are there already aren't committed again.

    Raises:
        StaleError: What was staged is older than what the lake holds, or what it was made from
            changed since. Nothing was committed.
    """
    receipt = read_receipt(receipt_uri(settings(), run, job))
    lake, config = Lake(settings()), load_config(settings())
    reads = lineage_of(config)
    warehouse = engine(settings())
    with publishing(settings()):
        _refuse_erased(lake, receipt)
        with warehouse.begin() as connection:
            store_lineage(connection, reads)
            try:
                todo = changes(connection, lake, lake_tables(config.events.names), reads, receipt)
            except FileNotFoundError as error:
                raise LakeError(
                    f"what attempt {receipt.attempt} staged for {receipt.days} isn't there any "
                    f"more ({error}): maintain_weekly deletes it `staged_days` (warehouse.yaml) "
                    "after it was written. Nothing was committed: clear `build`"
                ) from None
            late = overtaken(lake, todo)
            for contract, days in late:
                forget_partitions(connection, contract.name, days)
            _mark(connection, receipt, todo)
        # Before the arrivals are there: whoever sees these must not find what was known without.
        for contract, days in late:
            commit(lake, contract, days, (), _properties(receipt, run))
            print(f"[publish] {contract.name}: {len(days)} days are overtaken", flush=True)
        for change in todo:
            _commit(lake, config, receipt, run, change)
        with warehouse.begin() as connection:
            _note(connection, lake, config, receipt, todo, reads)
    if not todo:
        print(f"[publish] {job} of {receipt.days}: the lake holds all of it already", flush=True)


def lineage_of(config: PipelineConfig) -> tuple[Reads, ...]:
    """What lake tables are made from, by the configuration."""
    return lineage(config.events.duplicate_lookback_days, config.horizon_days)


def _mark(connection: Connection, receipt: Receipt, todo: Sequence[Change]) -> None:
    for change in todo:
        record_commit(
            connection,
            receipt,
            change.staged,
            snapshot_id=None,
            content_numbers={day: change.numbers[day] for day in change.changed},
            input_numbers={},
            state="committing",
        )


def _commit(lake: Lake, config: PipelineConfig, receipt: Receipt, run: str, change: Change) -> None:
    staged = change.staged
    if change.changed:
        contract = lake_tables(config.events.names)[staged.table]
        files = staged.files_of(change.changed)
        commit(lake, contract, change.changed, files, _properties(receipt, run))
    rows = sum(staged.rows.get(day.isoformat(), 0) for day in change.changed)
    print(
        f"[publish] {staged.table}: {rows:,} rows of {len(change.changed)} days committed, "
        f"{len(change.numbers) - len(change.changed)} days unchanged",
        flush=True,
    )


def _properties(receipt: Receipt, run: str) -> dict[str, str]:
    return {
        "job": receipt.job,
        "attempt": receipt.attempt,
        "data_days": str(receipt.days),
        "code_version": receipt.code_version,
        "run": run,
        **{f"input.{name}": str(snapshot) for name, snapshot in receipt.inputs.items()},
    }


def _note(
    connection: Connection,
    lake: Lake,
    config: PipelineConfig,
    receipt: Receipt,
    todo: Sequence[Change],
    reads: Sequence[Reads],
) -> None:
    contracts = lake_tables(config.events.names)
    # Of what this attempt made itself, it knows the newest: nobody else committed meanwhile.
    numbers = receipt.table_numbers | {
        staged.table: lake.pin(contracts[staged.table]).number for staged in receipt.tables
    }
    for change in todo:
        table = change.staged.table
        pin = lake.pin(contracts[table])
        record_commit(
            connection,
            receipt,
            change.staged,
            snapshot_id=pin.snapshot_id,
            content_numbers={**change.numbers, **dict.fromkeys(change.changed, pin.number)},
            input_numbers={
                one.input_table: numbers[one.input_table]
                for one in reads
                if one.table_name == table
            },
        )
    # Of days that are another attempt's, it says where their rows went.
    noted = {change.staged.table: set(change.numbers) for change in todo}
    record_accounting(
        connection,
        [
            row
            for row in receipt.accounting
            if row.ingest_date in noted.get(f"core.{row.table}", ())
        ],
    )


def _refuse_erased(lake: Lake, receipt: Receipt) -> None:
    """What was built before a user was erased may hold rows of theirs."""
    lake.create(ERASED_USERS)
    if lake.snapshot_id(ERASED_USERS) != receipt.inputs.get(ERASED_USERS.name):
        raise LakeError(
            f"{receipt.job} of {receipt.days} was built before a user was erased and was not "
            "published: clear `build`, which leaves their rows out"
        )
