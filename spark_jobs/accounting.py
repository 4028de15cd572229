"""Where the landed rows of each day went, from independent counts."""

from collections.abc import Iterable, Mapping
from datetime import date

from pyspark.sql import DataFrame

from include.errors import PipelineError
from include.quality.accounting import Accounting


def per_day(rows: DataFrame) -> dict[date, int]:
    """Rows of each day of arrival that has any."""
    return {row.ingest_date: row["count"] for row in rows.groupBy("ingest_date").count().collect()}


def account(
    table: str,
    days: Iterable[date],
    landed: DataFrame,
    duplicates: DataFrame,
    accepted: Mapping[str, int],
    rejected: DataFrame,
    erased: Mapping[date, int],
    counts: DataFrame | None = None,
) -> list[Accounting]:
    """Account for the landed rows of a table, a day each.

    Args:
        table: The landing table.
        days: The days of arrival.
        landed: One row a landed row that isn't of an erased user, with `ingest_date`.
        duplicates: The rows that are duplicates, with `ingest_date`.
        accepted: Rows that were staged as accepted, by day (ISO).
        rejected: The refused rows, as staged.
        erased: Rows of erased users that were left out, by day.
        counts: What else is counted of accepted rows: `ingest_date`, and further columns of
            `Accounting`; without a row of a day, they are 0.

    Raises:
        PipelineError: The rows don't add up.
    """
    seen, repeated = per_day(landed), per_day(duplicates)
    refused = per_day(rejected)
    none = dict.fromkeys(counts.columns, 0) if counts is not None else {}
    more = {row.ingest_date: row.asDict() for row in counts.collect()} if counts is not None else {}
    found = []
    for day in days:
        gone = erased.get(day, 0)
        entry = Accounting(
            **{**none, **more.get(day, {}), "ingest_date": day},
            table=table,
            landed=seen.get(day, 0) + gone,
            accepted=accepted.get(day.isoformat(), 0),
            rejected=refused.get(day, 0),
            duplicate=repeated.get(day, 0),
            erased=gone,
        )
        if entry.landed != entry.accepted + entry.rejected + entry.duplicate + entry.erased:
            raise PipelineError(
                f"{table} of {day} don't add up: {entry.landed} landed, {entry.accepted} "
                f"accepted + {entry.rejected} rejected + {entry.duplicate} duplicate + "
                f"{entry.erased} erased. This is a defect of the job; nothing was committed"
            )
        found.append(entry)
    return found
