"""Users and listings: landing → `core.users`, `core.listings`, `core.rejected_dimensions`.

And on Sundays what is known of them by then: `core.known_users`, `core.known_listings`.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.landing import columns
from include.landing.batches import FILE_NUMBER
from spark_jobs.job import run_job
from spark_jobs.known import stage_known
from spark_jobs.landed import Landed
from spark_jobs.sink import Written
from spark_jobs.transforms.dimensions import (
    with_parsed_listing,
    with_parsed_user,
    with_superseded,
)
from spark_jobs.transforms.raw_json import as_refused, raw_of
from spark_jobs.workspace import ACCEPTED, DUPLICATE, ERASED, REJECTED, Workspace

REFUSED = "core.rejected_dimensions"


def build(work: Workspace) -> None:
    """Stage the users and listings that arrived on the job's days."""
    zone = work.settings.time_zone
    # Contact data isn't even read here: what is read is named, and it isn't among that.
    users = work.landed("users", (*columns.USERS_REQUIRED, "updated_at"), columns.USERS_REQUIRED)
    listings = work.landed("listings", columns.LISTINGS_LANDING, columns.LISTINGS_REQUIRED)
    parsed = {
        # Of erased users, too: a window holds rows of one user, so they change no other's.
        "users": work.with_erased(with_parsed_user(users.rows(), zone)),
        "listings": with_parsed_listing(listings.rows(), zone).withColumn(
            "is_erased", F.lit(False)
        ),
    }
    landed = {"users": users, "listings": listings}
    written = {name: _write(work, name, rows, landed[name]) for name, rows in parsed.items()}
    work.stage_written(REFUSED, [one for found in written.values() for one in found], REJECTED)
    for name in landed:
        work.stage_written(f"core.{name}", written[name], ACCEPTED)
        work.account(name, landed[name], written[name])
    stage_known(work)


def _write(work: Workspace, table: str, parsed: DataFrame, landed: Landed) -> Sequence[Written]:
    # Written down: they are gone over three times, and to plan how they are parsed takes seconds.
    kept, _ = work.keep(f"parsed_{table}", parsed)
    key, *content, _ = work.contract(f"core.{table}").column_names
    rows = with_superseded(kept, key, tuple(content))
    is_refused = F.size("reasons") > 0
    kind = (
        F.when(F.col("is_erased"), ERASED)
        .when(is_refused, REJECTED)
        .when(F.col("is_duplicate"), DUPLICATE)
        .otherwise(ACCEPTED)
    )
    return work.write(
        as_refused(
            rows.select(
                *work.contract(f"core.{table}").column_names,
                F.lit(table).alias("source_table"),
                F.when(is_refused, raw_of("landed")).alias("raw"),
                "reasons",
                FILE_NUMBER,
                kind.alias("_kind"),
            ),
            landed.names,
        ),
        {ACCEPTED: f"core.{table}", REJECTED: REFUSED},
    )


if __name__ == "__main__":
    run_job("dimensions", [build])
