"""Users and listings: parse, refuse with every reason, mark all but one of a key and day."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.transforms.parsing import (
    CORRUPT,
    is_given,
    long,
    number,
    text,
    timestamp,
    with_reasons,
)


def with_parsed_listing(landed: DataFrame) -> DataFrame:
    """Parse landed listings: `listing_id`, `category`, `title`, `price`, with `reasons`.

    Args:
        landed: One row a landed row, with those columns as they came, `_corrupt_record`,
            `ingest_date` and anything else.

    Returns:
        The rows of `landed`, one for one, parsed, originals in `landed`, and `reasons` (empty for
        a good row).

    Example:
        >>> listings = landed('''
        ...     listing_id | category | price
        ...     9          | cars     | 5
        ...     9          | ""       | null
        ...     nine       | cars     | -5
        ... ''', title="a car")
        >>> parsed = with_parsed_listing(listings)
        >>> show(parsed, "listing_id", "category", "price", "reasons")
        listing_id | category | price | reasons
        null       | cars     | null  | [invalid_listing_id, invalid_price]
        9          | null     | null  | []
        9          | cars     | 5.0   | []
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

    Example:
        >>> users = landed('''
        ...     user_id | registered_at
        ...     7       | 2026-01-01
        ...     8       | 2026-03-11
        ...     nine    | null
        ... ''', ingest_date="2026-03-10")
        >>> show(with_parsed_user(users), "user_id", "registered_at", "reasons")
        user_id | registered_at       | reasons
        null    | null                | [invalid_user_id, missing_registered_at]
        7       | 2026-01-01 00:00:00 | []
        8       | 2026-03-11 00:00:00 | [registered_in_future]
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
    """Of valid rows with one key and day, mark all but one as duplicates.

    The landing zone doesn't say which of a day's files is newer, so the greatest by content stays:
    the same one on every run.

    Args:
        parsed: With `ingest_date`, `reasons`, `key` and `content`.
        key: Column that names a row.
        content: The other columns.

    Returns:
        The rows of `parsed`, one for one, with `is_duplicate`.

    Example:
        >>> parsed = rows('''
        ...     listing_id | title | reasons         | ingest_date
        ...     9          | car   | []              | 2026-03-10
        ...     9          | van   | []              | 2026-03-10
        ...     9          | xxx   | [invalid_price] | 2026-03-10
        ...     9          | car   | []              | 2026-03-11
        ... ''')
        >>> show(with_superseded(parsed, "listing_id", ("title",)))
        listing_id | title | reasons         | ingest_date | is_duplicate
        9          | car   | []              | 2026-03-10  | true
        9          | car   | []              | 2026-03-11  | false
        9          | van   | []              | 2026-03-10  | false
        9          | xxx   | [invalid_price] | 2026-03-10  | false
    """
    is_valid = F.size("reasons") == 0
    window = Window.partitionBy("ingest_date", key, "_valid").orderBy(
        *[F.col(name).desc_nulls_last() for name in content]
    )
    return (
        parsed.withColumn("_valid", is_valid)
        .withColumn("is_duplicate", F.col("_valid") & (F.row_number().over(window) > 1))
        .drop("_valid")
    )


def _key_checks(name: str, original: Column) -> dict[str, Column]:
    return {
        f"missing_{name}": ~is_given(original),
        f"invalid_{name}": is_given(original) & F.col(name).isNull(),
    }
