"""Where the landed rows of each day went, from independent counts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from include.errors import PipelineError
from include.quality.accounting import Accounting
from spark_jobs.sink import Written

Counts = Mapping[date, int]
"""Rows by day of arrival; none of a day that isn't there."""


def rows_by_day(written: Sequence[Written], kind: str | None = None) -> dict[date, int]:
    """Rows of one kind by day."""
    counts: dict[date, int] = {}
    for one in written:
        if one.kind == kind and one.day is not None:
            counts[one.day] = counts.get(one.day, 0) + one.row_count
    return counts


def account(
    table: str,
    days: Iterable[date],
    *,
    landed: Counts,
    accepted: Counts,
    rejected: Counts,
    duplicates: Counts,
    erased: Counts,
) -> list[Accounting]:
    """Account for the landed rows of a table, a day each.

    Args:
        table: The landing table.
        days: The days of arrival.
        landed: Rows in the landed files, counted before anything was made of them.
        accepted: Rows that were staged as accepted.
        rejected: Rows that were staged as refused.
        duplicates: Rows left out as duplicates.
        erased: Rows of erased users, left out.

    Raises:
        PipelineError: The rows don't add up.
    """
    found = []
    for day in days:
        entry = Accounting(
            table=table,
            ingest_date=day,
            landed=landed.get(day, 0),
            accepted=accepted.get(day, 0),
            rejected=rejected.get(day, 0),
            duplicate=duplicates.get(day, 0),
            erased=erased.get(day, 0),
        )
        if entry.landed != entry.accepted + entry.rejected + entry.duplicate + entry.erased:
            raise PipelineError(
                f"{table} of {day} don't add up: {entry.landed} landed, {entry.accepted} "
                f"accepted + {entry.rejected} rejected + {entry.duplicate} duplicate + "
                f"{entry.erased} erased. This is a defect of the job; nothing was committed"
            )
        found.append(entry)
    return found
