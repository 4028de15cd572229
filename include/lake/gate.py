"""The gate: store the verdicts of an audit, and refuse what fails a critical expectation."""

import logging

from include.config import load_config
from include.database.data_days import other_zone
from include.database.engine import engine
from include.errors import GateError
from include.lake.ledger import accounting_before, record_verdicts
from include.lake.receipts import read_receipt, receipt_uri
from include.quality.shares import judge_shares
from include.settings import settings

log = logging.getLogger(__name__)


def gate(job: str, run: str) -> None:
    """Store the verdicts of a job's audit; refuse what fails a critical expectation.

    Raises:
        GateError: A table failed. Nothing of the attempt becomes visible; its staged files stay
            for a look.
    """
    receipt = read_receipt(receipt_uri(settings(), run, job))
    config = load_config(settings())
    with engine(settings()).begin() as connection:
        if zone := other_zone(connection, receipt.time_zone):
            raise GateError(
                f"{job} of {receipt.days} was built by days of {receipt.time_zone}, and the "
                f"warehouse's are days of {zone}: set PROPENSITY_TIME_ZONE alike for all parts of "
                "the stack, then clear `build`"
            )
        shares = {
            f"core.{table}": judge_shares(
                table,
                [row for row in receipt.accounting if row.table == table],
                accounting_before(
                    connection, table, receipt.first_day, config.quality.shares.usual_days
                ),
                config.quality.shares,
            )
            for table in sorted({row.table for row in receipt.accounting})
        }
        count = record_verdicts(connection, receipt, shares)
    log.info("%s: %d expectations, Data Docs: %s", job, count, receipt.data_docs)
    critical = []
    failures = [(table.table, failure) for table in receipt.tables for failure in table.failures]
    failures += [
        (table, verdict)
        for table, verdicts in shares.items()
        for verdict in verdicts
        if not verdict.success
    ]
    for name, failure in failures:
        line = f"{name}: {failure.column} {failure.expectation}: {failure.observed}"
        if failure.severity == "critical":
            critical.append(f"{line} ({failure.reason})")
        else:
            log.warning("%s (%s)", line, failure.reason)
    if critical:
        raise GateError(
            f"{job} of {receipt.days} was not published, the last good data stays:\n  "
            + "\n  ".join(critical)
            + f"\nData Docs: {receipt.data_docs}\nStaged files: attempt {receipt.attempt}. Repair "
            "the data and clear `build`. Where the data is right, correct the rule in "
            "include/quality/ and clear `build`, or the bound in quality.yaml and clear `gate`; "
            "and say why"
        )
