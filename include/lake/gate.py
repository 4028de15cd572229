"""The gate: store the verdicts of an audit, and refuse what fails a critical expectation."""

import logging

from include.database.engine import engine
from include.errors import GateError
from include.lake.ledger import record_verdicts
from include.lake.receipts import read_receipt, receipt_uri
from include.settings import settings

log = logging.getLogger(__name__)


def gate(job: str, run: str) -> None:
    """Store the verdicts of a job's audit; refuse what fails a critical expectation.

    Raises:
        GateError: A table failed. Nothing of the attempt becomes visible; its staged files stay
            for a look.
    """
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
