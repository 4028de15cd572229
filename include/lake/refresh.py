"""What is to be built again, and of which days."""

from datetime import date, timedelta

from sqlalchemy import select

from include.config import load_config
from include.contracts import lake_tables
from include.contracts.lineage import FEATURES, JOBS
from include.contracts.visits import CAMPAIGN_CATEGORY, DEFINITION, definition
from include.database.engine import engine
from include.database.tables.predictions import Publication
from include.days import Days
from include.lake.ledger import stale_partitions
from include.lake.tables import Lake
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
    lines += [
        f"{day}  {CAMPAIGN_CATEGORY.name}: lacks categories of campaigns: {', '.join(categories)}"
        for day, categories in lacking_categories().items()
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
    lacking = lacking_categories() if job == "features" else {}
    days = sorted({*(one.partition_date for one in found), *lacking})
    if not days:
        print(f"[refresh] {job}: nothing is stale", flush=True)
        return {}
    print(f"[refresh] {job}: {len(days)} days, {days[0]} to {days[-1]}", flush=True)
    return {
        "first_day": f"{days[0]}",
        "last_day": f"{days[-1]}",
        "dates": ",".join(map(str, days)),
    }


def lacking_categories() -> dict[date, tuple[str, ...]]:
    """By day, categories of campaigns that the features that are read next say nothing of.

    Because there was no campaign on them when the features were made, or because a visit was
    something else then.

    Those are the newest day's, and those of the snapshot dates that training as of it reads.
    """
    config, lake = load_config(settings()), Lake(settings())
    contracts = lake_tables(config.events.names)
    windows = contracts[FEATURES[0]]
    for contract in (windows, CAMPAIGN_CATEGORY):
        lake.create(contract)
    held = lake.days(windows)
    if not held:
        return {}
    training = config.experiments
    newest = max(held)
    # A week more: as of the last snapshot date, training begins before that as of the newest day.
    days = Days(newest - timedelta(weeks=training.snapshot_weeks + 1), newest)
    read = [
        day
        for day in sorted(held)
        if day == newest or (day in days and training.is_snapshot_date(day))
    ]
    found: dict[date, set[str]] = {day: set() for day in read}
    by_today = definition(config.events.visit_names)
    columns = ("feature_date", "category", DEFINITION.name)
    for row in lake.arrow(CAMPAIGN_CATEGORY, days, columns=columns).to_pylist():
        if row[DEFINITION.name] == by_today:
            found.setdefault(row["feature_date"], set()).add(row["category"])
    lacking = {
        day: tuple(name for name in config.campaign_categories if name not in found[day])
        for day in read
    }
    return {day: names for day, names in lacking.items() if names}


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
