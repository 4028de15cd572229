"""Where the landed rows of each day went, from independent counts."""

from collections.abc import Iterable, Mapping
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.errors import PipelineError
from include.quality.accounting import Accounting


def per_day(rows: DataFrame) -> dict[date, int]:
    """Rows of each day of arrival that has any."""
    return {row.ingest_date: row["count"] for row in rows.groupBy("ingest_date").count().collect()}


def account(
    table: str,
    days: Iterable[date],
    landed: DataFrame,
    accepted: Mapping[str, int],
    rejected: DataFrame,
    erased: Mapping[date, int],
    counts: DataFrame | None = None,
) -> list[Accounting]:
    """Account for the landed rows of a table, a day each.

    Args:
        table: The landing table.
        days: The days of arrival.
        landed: One row a landed row that isn't of an erased user, with `ingest_date` and
            `is_duplicate`.
        accepted: Rows that were staged as accepted, by day (ISO).
        rejected: The refused rows, as staged.
        erased: Rows of erased users that were left out, by day.
        counts: What else is counted of accepted rows: `ingest_date`, and further columns of
            `Accounting`; without a row of a day, they are 0.

    Raises:
        PipelineError: The rows don't add up.
    """
    seen = {
        row.ingest_date: row
        for row in landed.groupBy("ingest_date")
        .agg(
            F.count("*").alias("landed"),
            F.sum(F.col("is_duplicate").cast("long")).alias("duplicate"),
        )
        .collect()
    }
    refused = per_day(rejected)
    none = dict.fromkeys(counts.columns, 0) if counts is not None else {}
    more = {row.ingest_date: row.asDict() for row in counts.collect()} if counts is not None else {}
    found = []
    for day in days:
        row = seen.get(day)
        gone = erased.get(day, 0)
        entry = Accounting(
            **{**none, **more.get(day, {}), "ingest_date": day},
            table=table,
            landed=(row.landed if row else 0) + gone,
            accepted=accepted.get(day.isoformat(), 0),
            rejected=refused.get(day, 0),
            duplicate=row.duplicate if row else 0,
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
