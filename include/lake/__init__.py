"""The lake, in the order in which rows pass through it; the only package that knows the catalog.

    staging ─▶ receipts ─▶ gate ─▶ publish ─▶ commit        ledger: what was committed, and why
    tables: how to read     readiness: what may be waited for    upkeep, erasure: what goes

A job *stages* Parquet files and audits them there; its receipt says what they are; the gate judges
the verdicts; publish commits, which replaces the partitions of a range of days in one transaction.
"""
