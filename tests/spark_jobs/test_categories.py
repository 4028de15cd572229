"""The category of an event: the listing's, as it was known on the day of arrival."""

from datetime import date, timedelta

from pyspark.sql import SparkSession

from spark_jobs.transforms.categories import with_category

DAY = date(2026, 3, 10)


def test_the_category_is_the_one_known_on_the_day_of_arrival(spark: SparkSession) -> None:
    listings = spark.createDataFrame(
        [(9, "cars", DAY), (9, "boats", DAY + timedelta(days=2)), (8, None, DAY)],
        "listing_id long, category string, ingest_date date",
    )
    events = spark.createDataFrame(
        [
            ("before", 9, DAY - timedelta(days=1)),
            ("same day", 9, DAY),
            ("next day", 9, DAY + timedelta(days=1)),
            ("changed", 9, DAY + timedelta(days=2)),
            ("no category", 8, DAY),
            ("unknown listing", 7, DAY),
            ("no listing", None, DAY),
        ],
        "event_id string, listing_id long, ingest_date date",
    )
    found = {row.event_id: row.category for row in with_category(events, listings).collect()}
    assert found == {
        "before": "(unknown)",
        "same day": "cars",
        "next day": "cars",
        "changed": "boats",
        "no category": "(unknown)",
        "unknown listing": "(unknown)",
        "no listing": "(none)",
    }
