"""Users and listings: parse, refuse with every reason, mark all but one of a key and day."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.landing.batches import CORRUPT
from spark_jobs.transforms.parsing import (
    WITHHELD,
    day_of,
    is_decimal,
    is_given,
    long,
    number,
    text,
    timestamp,
    with_reasons,
)


def with_parsed_listing(landed: DataFrame, time_zone: str = "UTC") -> DataFrame:
    """Parse landed listings: id, `category`, `title`, `price`, `updated_at`, with `reasons`.

    Args:
        landed: One row a landed row, with those columns as they came, `_corrupt_record`,
            `ingest_date` and anything else.
        time_zone: Of the data days.

    Returns:
        The rows of `landed`, one for one, parsed, originals in `landed`, and `reasons` (empty for
        a good row).

    Example:
        >>> listings = landed('''
        ...     listing_id | category | price
        ...     9          | cars     | 5
        ...     9          | ""       | null
        ...     nine       | cars     | -5
        ... ''', title="a car", updated_at="2026-03-10", ingest_date="2026-03-10")
        >>> parsed = with_parsed_listing(listings)
        >>> show(parsed, "listing_id", "category", "price", "reasons")
        listing_id | category | price | reasons
        null       | cars     | null  | [invalid_listing_id, invalid_price]
        9          | null     | null  | []
        9          | cars     | 5.0   | []
    """
    names = ["listing_id", "category", "title", "price", "updated_at"]
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
            "updated_at": timestamp(original["updated_at"], kinds["updated_at"]),
        }
    )
    checks = {
        **_key_checks("listing_id", original["listing_id"], kinds["listing_id"]),
        "invalid_price": is_given(original["price"], kinds["price"]) & F.col("price").isNull(),
        **_update_checks(original["updated_at"], kinds["updated_at"], time_zone),
    }
    return with_reasons(rows, checks)


def with_parsed_user(landed: DataFrame, time_zone: str = "UTC") -> DataFrame:
    """Parse landed users without contact data: id, `registered_at`, `updated_at`, `reasons`.

    Args:
        landed: One row a landed row, with those columns as they came, `_corrupt_record`,
            `ingest_date` and anything else but contact data.
        time_zone: Of the data days.

    Returns:
        The rows of `landed`, one for one, parsed, originals in `landed` (a record that can't be
        read is withheld, as it may hold an address), and `reasons`.

    Example:
        >>> users = landed('''
        ...     user_id | registered_at
        ...     7       | 2026-01-01
        ...     8       | 2026-03-11
        ...     nine    | null
        ... ''', updated_at="null", ingest_date="2026-03-10")
        >>> show(with_parsed_user(users), "user_id", "registered_at", "reasons")
        user_id | registered_at       | reasons
        null    | null                | [invalid_user_id, missing_registered_at]
        7       | 2026-01-01 00:00:00 | []
        8       | 2026-03-11 00:00:00 | [registered_in_future]
    """
    names = ["user_id", "registered_at", "updated_at"]
    kinds = dict(landed.dtypes)
    original = {name: F.col(f"landed.{name}") for name in names}
    is_whole = F.col(CORRUPT).isNull()
    withheld = F.when(~is_whole, F.lit(WITHHELD))
    # Where fields are missing or too many, anything may stand in any of them.
    is_user = long(F.col("user_id"), kinds["user_id"]).isNotNull()
    kept = [
        F.when(is_whole | (is_user if name == "user_id" else F.lit(False)), F.col(name)).alias(name)
        for name in names
    ]
    rows = landed.withColumn("landed", F.struct(*kept, withheld.alias(CORRUPT))).drop(
        *names, CORRUPT
    )
    rows = rows.withColumns(
        {
            "user_id": long(original["user_id"], kinds["user_id"]),
            "registered_at": timestamp(original["registered_at"], kinds["registered_at"]),
            "updated_at": timestamp(original["updated_at"], kinds["updated_at"]),
        }
    )
    registered = is_given(original["registered_at"], kinds["registered_at"])
    checks = {
        **_key_checks("user_id", original["user_id"], kinds["user_id"]),
        "missing_registered_at": ~registered,
        "invalid_registered_at": registered & F.col("registered_at").isNull(),
        "registered_in_future": day_of("registered_at", time_zone) > F.col("ingest_date"),
        **_update_checks(original["updated_at"], kinds["updated_at"], time_zone),
    }
    return with_reasons(rows, checks)


def with_superseded(parsed: DataFrame, key: str, content: tuple[str, ...]) -> DataFrame:
    """Of valid rows with one key and day, the newest stays; equally new ones must agree.

    Args:
        parsed: With `ingest_date`, `reasons`, `key` (a valid row has one), `updated_at` (null:
            older than any) and `content`.
        key: Column that names a row.
        content: The other columns.

    Returns:
        The rows of `parsed`, one for one, with `is_duplicate`: true for a valid row that is older
        than the newest, or repeats it; and with the reason `contradicts_same_<key>` for rows that
        are the newest and say different things: none of them stays.

    Example:
        >>> parsed = rows('''
        ...     listing_id | title | updated_at:timestamp | reasons         | ingest_date
        ...     9          | van   | 2026-03-10 08:00:00  | []              | 2026-03-10
        ...     9          | car   | 2026-03-10 17:00:00  | []              | 2026-03-10
        ...     9          | xxx   | 2026-03-10 18:00:00  | [invalid_price] | 2026-03-10
        ...     9          | bus   | null                 | []              | 2026-03-11
        ...     9          | bus   | null                 | []              | 2026-03-11
        ...     9          | bus   | null                 | []              | 2026-03-12
        ...     9          | car   | null                 | []              | 2026-03-12
        ... ''')
        >>> show(with_superseded(parsed, "listing_id", ("title",)),
        ...      "ingest_date", "title", "is_duplicate", "reasons")
        ingest_date | title | is_duplicate | reasons
        2026-03-10  | car   | false        | []
        2026-03-10  | van   | true         | []
        2026-03-10  | xxx   | false        | [invalid_price]
        2026-03-11  | bus   | false        | []
        2026-03-11  | bus   | true         | []
        2026-03-12  | bus   | false        | [contradicts_same_listing_id]
        2026-03-12  | car   | false        | [contradicts_same_listing_id]
    """
    is_valid = F.size("reasons") == 0
    # Counted first: windows take five times as long as all else, and nearly every key comes once.
    several = (
        parsed.where(is_valid).groupBy("ingest_date", key).count().where("count > 1")
        .select(F.col("ingest_date").alias("_date"), F.col(key).alias("_key"))
    )  # fmt: skip
    is_one_of_them = (F.col("ingest_date") == F.col("_date")) & (F.col(key) == F.col("_key"))
    rows = (
        several.join(parsed, is_one_of_them, how="right")
        .withColumn("_several", F.coalesce(is_valid & F.col("_key").isNotNull(), F.lit(False)))
        .drop("_date", "_key")
    )
    alone = rows.where("not _several").withColumn("is_duplicate", F.lit(False))
    judged = _newest(rows.where("_several"), key, content)
    return alone.unionByName(judged).drop("_several")


def newest(arrivals: DataFrame, key: str) -> DataFrame:
    """Of each key the row that arrived last.

    Args:
        arrivals: One row a key and day on which it arrived, with `ingest_date`.
        key: Column that names what arrived.

    Returns:
        One row a key, with the columns of `arrivals`.

    Example:
        >>> arrivals = rows('''
        ...     listing_id | category | ingest_date
        ...     9          | cars     | 2026-03-10
        ...     9          | null     | 2026-03-12
        ...     7          | boats    | 2026-03-11
        ... ''')
        >>> show(newest(arrivals, "listing_id"))
        listing_id | category | ingest_date
        7          | boats    | 2026-03-11
        9          | null     | 2026-03-12
    """
    last = arrivals.groupBy(F.col(key).alias("_key")).agg(F.max("ingest_date").alias("_last"))
    is_last = (F.col(key) == F.col("_key")) & (F.col("ingest_date") == F.col("_last"))
    return last.join(arrivals, is_last).drop("_key", "_last")


def _newest(rows: DataFrame, key: str, content: tuple[str, ...]) -> DataFrame:
    """As `with_superseded`, of valid rows."""
    same = Window.partitionBy("ingest_date", key)
    newest_first = same.orderBy(F.col("updated_at").desc_nulls_last())
    # By rank, as engines differ in whether a struct with a null in it is the least one.
    as_said = newest_first.orderBy(F.col("updated_at").desc_nulls_last(), *content)
    return (
        rows.withColumn("_rank", F.row_number().over(newest_first))
        .withColumn("_is_newest", F.col("updated_at").eqNullSafe(F.max("updated_at").over(same)))
        .withColumn("_said", F.when(F.col("_is_newest"), F.dense_rank().over(as_said)))
        .withColumn("_agree", F.max("_said").over(same) == 1)
        .withColumn("_is_tie", F.col("_is_newest") & ~F.col("_agree"))
        .withColumn(
            "reasons",
            F.when(F.col("_is_tie"), F.array(F.lit(f"contradicts_same_{key}"))).otherwise(
                F.col("reasons")
            ),
        )
        .withColumn("is_duplicate", ~F.col("_is_tie") & (F.col("_rank") > 1))
        .drop("_rank", "_is_newest", "_said", "_agree", "_is_tie")
    )


def _key_checks(name: str, original: Column, kind: str) -> dict[str, Column]:
    return {
        f"missing_{name}": ~is_given(original, kind),
        f"invalid_{name}": is_given(original, kind) & F.col(name).isNull(),
        f"decimal_{name}": is_decimal(original, kind),
    }


def _update_checks(original: Column, kind: str, time_zone: str) -> dict[str, Column]:
    return {
        "invalid_updated_at": is_given(original, kind) & F.col("updated_at").isNull(),
        "updated_in_future": day_of("updated_at", time_zone) > F.col("ingest_date"),
    }
