"""What is known of users and listings: written down on Sundays, and read from the last one on."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.contracts import core
from include.contracts.known import KNOWN, known_day
from include.days import Days, until
from spark_jobs.tables import Tables
from spark_jobs.transforms.dimensions import newest
from spark_jobs.workspace import Workspace


def arrivals(work: Tables, name: str, reach: Days, first: date) -> DataFrame:
    """Arrivals that say what was known at the end of each day from `first` on.

    Args:
        work: Where they are read; the attempt's own stand in for those of its days.
        name: `core.users` or `core.listings`.
        reach: The arrivals, since ever.
        first: Of which day knowledge is asked for first.

    Returns:
        The key and what is known of it, with `ingest_date`. If there is what was known by a Sunday
        until `first`, that stands for all rows until then, as if it had arrived on that day.
    """
    contract = KNOWN[name]
    columns = [*contract.column_names[:-1], "ingest_date"]
    base = known_base(work, name, first)
    if base is None:
        return work.read(name, reach).select(*columns)
    work.inputs[name] = work.pins[name].snapshot_id  # even where nothing of it is read
    rows = work.read(contract.name, Days(base, base))
    known = rows.withColumnRenamed(contract.partition, "ingest_date").select(*columns)
    if base == reach.last:
        return known
    since = work.read(name, Days(base + timedelta(days=1), reach.last))
    return known.unionByName(since.select(*columns))


def known_base(work: Tables, name: str, first: date) -> date | None:
    """The newest Sunday that says what was known of days from `first` on.

    Args:
        work: Where it is read.
        name: The table of arrivals.
        first: The first of these days.
    """
    contract, staged = KNOWN[name], work.staged.get(name)
    pin, held = work.pins[contract.name], set()
    if pin.snapshot_id is not None:
        files = work.lake.data_files(contract, until(first), pin.snapshot_id)
        held = {file.day for file in files if staged is None or file.day < min(staged.days)}
    if own := work.staged.get(contract.name):
        held |= {day for day in own.days if day <= first and own.rows.get(f"{day}")}
    return max(held, default=None)


def stage_known(work: Workspace) -> None:
    """Stage what is known of users and listings by the last Sunday of the job's days, if any."""
    day = known_day(work.days)
    if day is None:
        return
    for name in (core.LISTINGS.name, core.USERS.name):
        contract = KNOWN[name]
        reach = work.reach(contract.name, name, [day])
        rows = newest(arrivals(work, name, reach, day), contract.key[0])
        work.stage(contract.name, rows.withColumn(contract.partition, F.lit(day)), [day])
