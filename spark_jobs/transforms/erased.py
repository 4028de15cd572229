"""Users who asked to be erased: which rows are theirs."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def with_erased(rows: DataFrame, user: Column, erased: Sequence[int]) -> DataFrame:
    """Add `is_erased`: whether a row is of a user who was erased.

    Args:
        rows: Any rows.
        user: The user that a row is about; null for nobody.
        erased: Users who were erased, each once.

    Returns:
        The rows, one for one.

    Example:
        >>> arrived = rows('''
        ...     user_id
        ...     null
        ...     1
        ...     2
        ... ''')
        >>> show(with_erased(arrived, F.col("user_id"), [2, 3]))
        user_id | is_erased
        null    | false
        1       | false
        2       | true
    """
    if not erased:
        return rows.withColumn("is_erased", F.lit(False))
    users = rows.sparkSession.createDataFrame([(one,) for one in erased], "_erased long")
    # The few users on the left, in a right join: of others, engines without statistics may hold
    # the rows instead.
    return (
        F.broadcast(users)
        .join(rows.withColumn("_user", user), F.col("_user") == F.col("_erased"), "right")
        .withColumn("is_erased", F.col("_erased").isNotNull())
        .drop("_user", "_erased")
    )
