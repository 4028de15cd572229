"""Users and listings: parse, refuse with every reason, one row a key and day."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.transforms.events import CORRUPT, with_reasons
from spark_jobs.transforms.parsing import is_given, long, number, text, timestamp


def with_parsed_listing(landed: DataFrame) -> DataFrame:
    """Parse landed listings: `listing_id`, `category`, `title`, `price`, with `reasons`.

    Args:
        landed: One row a landed row, with those columns as they came, `_corrupt_record`,
            `ingest_date` and anything else.

    Returns:
        The rows of `landed`, one for one, parsed, originals in `landed`, and `reasons` (empty for
        a good row).
    """
    names = ["listing_id", "category", "title", "price"]
    kinds = dict(landed.dtypes)
    original = {name: F.col(f"landed.{name}") for name in names}
    rows = landed.withColumn("landed", F.struct(*names, CORRUPT)).drop(*names, CORRUPT)
    price = number(original["price"], kinds["price"])
    rows = rows.withColumns(
        {
            "listing_id": long(original["listing_id"], kinds["listing_id"]),
            "category": text(original["category"]),
            "title": text(original["title"]),
            "price": F.when(price >= 0, price),
        }
    )
    checks = {
        **_key_checks("listing_id", original["listing_id"]),
        "invalid_price": is_given(original["price"]) & F.col("price").isNull(),
    }
    return with_reasons(rows, checks)


def with_parsed_user(landed: DataFrame) -> DataFrame:
    """Parse landed users, without their contact data: `user_id`, `registered_at`, `reasons`.

    Args:
        landed: One row a landed row, with those columns as they came, `_corrupt_record`,
            `ingest_date` and anything else but contact data.

    Returns:
        The rows of `landed`, one for one, parsed, originals in `landed` (a record that can't be
        read is withheld, as it may hold an address), and `reasons`.
    """
    names = ["user_id", "registered_at"]
    kinds = dict(landed.dtypes)
    original = {name: F.col(f"landed.{name}") for name in names}
    withheld = F.when(F.col(CORRUPT).isNotNull(), F.lit("(withheld: may hold contact data)"))
    rows = landed.withColumn("landed", F.struct(*names, withheld.alias(CORRUPT))).drop(
        *names, CORRUPT
    )
    rows = rows.withColumns(
        {
            "user_id": long(original["user_id"], kinds["user_id"]),
            "registered_at": timestamp(original["registered_at"], kinds["registered_at"]),
        }
    )
    checks = {
        **_key_checks("user_id", original["user_id"]),
        "missing_registered_at": ~is_given(original["registered_at"]),
        "invalid_registered_at": is_given(original["registered_at"])
        & F.col("registered_at").isNull(),
        "registered_in_future": F.to_date("registered_at") > F.col("ingest_date"),
    }
    return with_reasons(rows, checks)


def with_superseded(parsed: DataFrame, key: str, content: tuple[str, ...]) -> DataFrame:
    """Of valid rows with one key and day, mark all but one.

    The landing zone doesn't say which of a day's files is newer, so the greatest by content stays:
    the same one on every run.

    Args:
        parsed: With `ingest_date`, `reasons`, `key` and `content`.
        key: Column that names a row.
        content: The other columns.

    Returns:
        The rows of `parsed`, one for one, with `is_repeat`.
    """
    is_valid = F.size("reasons") == 0
    window = Window.partitionBy("ingest_date", key, "_valid").orderBy(
        *[F.col(name).desc_nulls_last() for name in content]
    )
    return (
        parsed.withColumn("_valid", is_valid)
        .withColumn("is_repeat", F.col("_valid") & (F.row_number().over(window) > 1))
        .drop("_valid")
    )


def _key_checks(name: str, original: Column) -> dict[str, Column]:
    return {
        f"missing_{name}": ~is_given(original),
        f"invalid_{name}": is_given(original) & F.col(name).isNull(),
    }
