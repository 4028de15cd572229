"""Parse values as they land: strictly, so that nothing is repaired in silence.

Each function takes the column and the type it has (as in `DataFrame.dtypes`): files that are typed
already are only widened. What can't be parsed becomes null, and the row is refused for it, with the
reason (`with_reasons`).
"""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.days import FIRST_AT, LAST_AT
from include.landing.batches import CORRUPT

WITHHELD = "(withheld: may hold contact data)"
"""Stands for such a text of a user."""

# Spark's own cast would also take "2017" or "T10:00" (today at ten).
# Engines differ in what `$` (before a line break?) and `\d` (digits of all scripts?) stand for.
ISO_8601 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?)?\z"
)
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
INTEGER_TYPES = ("tinyint", "smallint", "int", "bigint")


def is_given(value: Column, kind: str) -> Column:
    """Whether there is a value at all; an empty text is none.

    Example:
        >>> found = rows('''
        ...     value:string
        ...     null
        ...     ""
        ...     0
        ... ''')
        >>> show(found.select("value", is_given(F.col("value"), "string").alias("is_given")))
        value | is_given
        null  | false
        ""    | false
        0     | true
    """
    return value.isNotNull() & (value != "") if kind == "string" else value.isNotNull()


def text(value: Column) -> Column:
    """A text; the empty one is null.

    Example:
        >>> found = rows('''
        ...     value:string
        ...     ""
        ...     cars
        ... ''')
        >>> show(found.select("value", text(F.col("value")).alias("text")))
        value | text
        ""    | null
        cars  | cars
    """
    string = value.cast("string")
    return F.when(string != "", string)


def long(value: Column, kind: str) -> Column:
    """A whole number that isn't negative.

    Example:
        >>> found = rows('''
        ...     value:string
        ...     -7
        ...     7
        ...     7.0
        ...     seven
        ... ''')
        >>> show(found.select("value", long(F.col("value"), "string").alias("long")))
        value | long
        -7    | null
        7     | 7
        7.0   | null
        seven | null
    """
    if kind in INTEGER_TYPES:
        return F.when(value >= 0, value.cast("bigint"))
    string = value.cast("string")
    return F.when(string.rlike(r"^[0-9]{1,19}\z"), string.try_cast("bigint"))


def is_decimal(value: Column, kind: str) -> Column:
    """Whether an id was written as pandas writes one of a column with gaps: as a float.

    It isn't taken for the whole number that it may have been: beyond 2^53 it is another one.

    Example:
        >>> found = rows('''
        ...     value:string
        ...     7
        ...     7.0
        ...     1.3085E4
        ...     seven
        ... ''')
        >>> show(found.select("value", is_decimal(F.col("value"), "string").alias("is_decimal")))
        value    | is_decimal
        1.3085E4 | true
        7        | false
        7.0      | true
        seven    | false
    """
    if kind in INTEGER_TYPES:
        return F.lit(False)
    return value.cast("string").rlike(r"^[0-9]+(\.[0-9]+([eE]\+?[0-9]+)?|[eE]\+?[0-9]+)\z")


def number(value: Column, kind: str) -> Column:
    """A finite number.

    Example:
        >>> found = rows('''
        ...     value:string
        ...     -7
        ...     1e3
        ...     1,5
        ...     NaN
        ... ''')
        >>> show(found.select("value", number(F.col("value"), "string").alias("number")))
        value | number
        -7    | -7.0
        1,5   | null
        1e3   | 1000.0
        NaN   | null
    """
    if kind in ("double", "float") or kind in INTEGER_TYPES or kind.startswith("decimal"):
        double = value.cast("double")
        is_finite = ~F.isnan(double) & (F.abs(double) != float("inf"))
        return F.when(is_finite, _without_sign_of_zero(double))
    string = value.cast("string")
    double = F.when(string.rlike(NUMBER), string.try_cast("double"))
    return F.when(F.abs(double) != float("inf"), _without_sign_of_zero(double))


def _without_sign_of_zero(double: Column) -> Column:
    """-0.0 as 0.0: engines differ in whether the two are equal."""
    return F.when(double == 0, F.lit(0.0)).otherwise(double)


def timestamp(value: Column, kind: str) -> Column:
    """A point in time: ISO 8601, UTC unless it says otherwise.

    Example:
        >>> found = rows('''
        ...     value:string
        ...     2026-03-10
        ...     2026-03-10 08:00
        ...     2026-03-10T08:00:00+02:00
        ...     2026-03-10T08:00+02:00
        ...     2026-02-30
        ...     08:00
        ... ''')
        >>> show(found.select("value", timestamp(F.col("value"), "string").alias("timestamp")))
        value                     | timestamp
        08:00                     | null
        2026-02-30                | null
        2026-03-10                | 2026-03-10 00:00:00
        2026-03-10 08:00          | 2026-03-10 08:00:00
        2026-03-10T08:00+02:00    | 2026-03-10 06:00:00
        2026-03-10T08:00:00+02:00 | 2026-03-10 06:00:00
    """
    if kind in ("timestamp", "timestamp_ntz", "date"):
        at = value.cast("timestamp")
        return F.when(_has_a_day(at), at)
    string = value.cast("string")
    # Spark knows no zone without seconds before it.
    with_seconds = F.regexp_replace(string, r"([T ][0-9]{2}:[0-9]{2})( ?(Z|[+-]))", "$1:00$2")
    at = F.coalesce(string.try_cast("timestamp"), with_seconds.try_cast("timestamp"))
    return F.when(string.rlike(ISO_8601) & _has_a_day(at), at)


def _has_a_day(at: Column) -> Column:
    """Whether a moment lies in a data day, whatever the time zone."""
    # As text: on its way to Spark, a datetime would go through the machine's own time zone.
    first, last = (F.lit(one.isoformat()).cast("timestamp") for one in (FIRST_AT, LAST_AT))
    return (at >= first) & (at <= last)


def user_of(name: str) -> Column:
    """The user that a parsed row is about; of a line of JSON that can't be read, what it says.

    Example:
        >>> parsed = rows('''
        ...     user_id | _corrupt_record
        ...     7       | null
        ...     null    | {"user_id": 8, "email
        ...     null    | {"email
        ... ''').withColumn("landed", F.struct("_corrupt_record"))
        >>> show(parsed.select("_corrupt_record", user_of("user_id").alias("user")))
        _corrupt_record       | user
        null                  | 7
        {"email               | null
        {"user_id": 8, "email | 8
    """
    said = F.regexp_extract("landed._corrupt_record", r'"user_id"[ \t]*:[ \t]*"?([0-9]{1,19})', 1)
    return F.coalesce(F.col(name), said.try_cast("bigint"))


def with_reasons(rows: DataFrame, checks: dict[str, Column]) -> DataFrame:
    """Add `reasons`: the names of the checks that are true; of a row that can't be read, only that.

    Args:
        rows: With the originals in the struct `landed`.
        checks: Conditions by the name of the reason; null counts as false.

    Example:
        >>> parsed = rows('''
        ...     listing_id | price | _corrupt_record
        ...     9          | 5     | null
        ...     9          | -5    | null
        ...     null       | -5    | null
        ...     null       | null  | {"listing_
        ... ''').withColumn("landed", F.struct("_corrupt_record"))
        >>> is_missing, is_negative = F.col("listing_id").isNull(), F.col("price") < 0
        >>> checks = {"missing_listing_id": is_missing, "invalid_price": is_negative}
        >>> show(with_reasons(parsed, checks), "listing_id", "price", "reasons")
        listing_id | price | reasons
        null       | null  | [malformed_record]
        null       | -5.0  | [missing_listing_id, invalid_price]
        9          | -5.0  | [invalid_price]
        9          | 5.0   | []
    """
    listed = F.array_compact(
        F.array(*[F.when(condition, F.lit(name)) for name, condition in checks.items()])
    )
    is_corrupt = F.col(f"landed.{CORRUPT}").isNotNull()
    # Lists are made for the few rows that need one.
    is_wrong = reduce(or_, [F.coalesce(check, F.lit(False)) for check in checks.values()])
    return rows.withColumn(
        "reasons",
        F.when(is_corrupt, F.array(F.lit("malformed_record")))
        .when(is_wrong, listed)
        .otherwise(F.array().cast("array<string>")),
    )


def day_of(moment: Column | str, time_zone: str) -> Column:
    """The data day that a moment lies in.

    Args:
        moment: A timestamp column; the session's time zone is UTC.
        time_zone: Of the data days.

    Example:
        >>> moments = rows('''
        ...     occurred_at
        ...     2026-03-10 02:59:59
        ...     2026-03-10 03:00:00
        ... ''')
        >>> local = day_of("occurred_at", "America/Sao_Paulo")
        >>> show(moments.withColumn("day", local))
        occurred_at         | day
        2026-03-10 02:59:59 | 2026-03-09
        2026-03-10 03:00:00 | 2026-03-10
    """
    # The conversion costs a call per row, which days of UTC don't need.
    return F.to_date(moment if time_zone == "UTC" else F.from_utc_timestamp(moment, time_zone))
