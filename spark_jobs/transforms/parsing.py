"""Parse values as they land: strictly, so that nothing is repaired in silence.

Each function takes the column and the type it has (as in `DataFrame.dtypes`): files that are typed
already are only widened. What can't be parsed becomes null, and the caller says so.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

# Spark's own cast would also take "2017" or "T10:00" (today at ten).
ISO_8601 = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?$"
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
INTEGER_TYPES = ("tinyint", "smallint", "int", "bigint")


def is_given(value: Column) -> Column:
    """Whether there is a value at all; an empty text is none."""
    return value.isNotNull() & (value.cast("string") != "")


def text(value: Column) -> Column:
    """A text; the empty one is null."""
    string = value.cast("string")
    return F.when(string != "", string)


def long(value: Column, kind: str) -> Column:
    """A whole number that isn't negative."""
    if kind in INTEGER_TYPES:
        return F.when(value >= 0, value.cast("bigint"))
    string = value.cast("string")
    return F.when(string.rlike(r"^\d{1,19}$"), string.try_cast("bigint"))


def number(value: Column, kind: str) -> Column:
    """A finite number."""
    if kind in ("double", "float") or kind in INTEGER_TYPES or kind.startswith("decimal"):
        double = value.cast("double")
        is_finite = ~F.isnan(double) & (F.abs(double) != float("inf"))
        return F.when(is_finite, double)
    string = value.cast("string")
    double = F.when(string.rlike(NUMBER), string.try_cast("double"))
    return F.when(F.abs(double) != float("inf"), double)


def timestamp(value: Column, kind: str) -> Column:
    """A point in time: ISO 8601, UTC unless it says otherwise."""
    if kind in ("timestamp", "timestamp_ntz", "date"):
        return value.cast("timestamp")
    string = value.cast("string")
    return F.when(string.rlike(ISO_8601), string.try_cast("timestamp"))


def user_of(name: str) -> Column:
    """The user that a parsed row is about; of a line of JSON that can't be read, what it says."""
    said = F.regexp_extract("landed._corrupt_record", r'"user_id"\s*:\s*"?(\d{1,19})', 1)
    return F.coalesce(F.col(name), said.try_cast("bigint"))
