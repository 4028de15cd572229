"""What is to be built again, and of which days."""

from sqlalchemy import select

from include.contracts.lineage import JOBS
from include.database.engine import engine
from include.database.tables.predictions import Publication
from include.lake.ledger import stale_partitions
from include.settings import settings

SCORES = "scores.campaign_propensity"


def list_stale() -> list[str]:
    """Print what is stale and why, oldest first; returns the lines.

    What is built again may come out the same; then what was made from it isn't stale any more.
    """
    tables = [*(table for made in JOBS.values() for table in made), SCORES]
    with engine(settings()).connect() as connection:
        found = stale_partitions(connection, tables)
    lines = [
        f"{one.partition_date}  {one.table_name}: {one.because_table} of {one.because_date} changed"
        for one in found
    ]
    print("\n".join(["[refresh] to be built again:", *lines] if lines else ["[refresh] nothing"]))
    return lines


def stale_days(job: str) -> dict[str, str]:
    """The days of which a job's tables are stale now; empty if none.

    Args:
        job: One of `JOBS`.

    Returns:
        `first_day` and `last_day` of the range, and `dates`, the stale days in it with commas
        between them.
    """
    with engine(settings()).connect() as connection:
        found = stale_partitions(connection, JOBS[job])
    days = sorted({one.partition_date for one in found})
    if not days:
        print(f"[refresh] {job}: nothing is stale", flush=True)
        return {}
    print(f"[refresh] {job}: {len(days)} days, {days[0]} to {days[-1]}", flush=True)
    return {
        "first_day": f"{days[0]}",
        "last_day": f"{days[-1]}",
        "dates": ",".join(map(str, days)),
    }


def stale_publications() -> list[str]:
    """Published days whose scores were made from something that changed since, oldest first."""
    with engine(settings()).connect() as connection:
        stale = stale_partitions(connection, [SCORES])
        published = set(
            connection.scalars(
                select(Publication.score_date).where(Publication.status == "published")
            )
        )
    return [f"{one.partition_date}" for one in stale if one.partition_date in published]
