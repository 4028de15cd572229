"""Users and listings: landing → `core.users`, `core.listings`, `core.rejected_dimensions`."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.landing import columns
from spark_jobs.job import run_job
from spark_jobs.landing_reader import below_landing, read_landed
from spark_jobs.transforms.dimensions import (
    with_parsed_listing,
    with_parsed_user,
    with_superseded,
)
from spark_jobs.workspace import Workspace


def build(work: Workspace) -> None:
    """Stage the users and listings that arrived on the job's days."""
    zone = work.settings.time_zone
    # Contact data isn't even read here: what is read is named, and it isn't among that.
    parsed = with_parsed_user(
        read_landed(work.spark, work.landing, "users", work.days,
                    (*columns.USERS_REQUIRED, "updated_at"), columns.USERS_REQUIRED),
        zone,
    )  # fmt: skip
    users = with_superseded(
        work.without_erased("users", parsed), "user_id", ("registered_at",)
    ).persist()
    listings = with_superseded(
        with_parsed_listing(
            read_landed(work.spark, work.landing, "listings", work.days, columns.LISTINGS_LANDING,
                        columns.LISTINGS_REQUIRED),
            zone,
        ),
        "listing_id",
        ("category", "title", "price"),
    ).persist()  # fmt: skip
    rejected = work.stage(
        "core.rejected_dimensions",
        _rejected(users, "users").unionByName(_rejected(listings, "listings")),
    )
    for name, landed in (("users", users), ("listings", listings)):
        work.stage(f"core.{name}", landed.where((F.size("reasons") == 0) & ~F.col("is_duplicate")))
        refused = rejected.where(F.col("source_table") == name)
        work.account(name, landed, landed.where("is_duplicate"), f"core.{name}", refused)
        landed.unpersist()


def _rejected(rows: DataFrame, table: str) -> DataFrame:
    return rows.where(F.size("reasons") > 0).select(
        F.lit(table).alias("source_table"),
        F.to_json("landed").alias("raw"),
        "reasons",
        below_landing(),
        "ingest_date",
    )


if __name__ == "__main__":
    run_job("dimensions", [build])
