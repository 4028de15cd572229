"""The landed rows of one table and a range of days, to be gone over more than once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.landing_reader import LandedFiles, below_landing, read_landed


@dataclass(frozen=True)
class Landed:
    """Landed rows. Texts are parsed once and kept; Parquet files are read again where they lie."""

    spark: SparkSession
    files: LandedFiles
    columns: tuple[str, ...]
    counts: Mapping[date, int]
    """Rows by day of arrival, as the files have them."""
    kept: DataFrame | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the files below the landing zone, in the order of `file_number`."""
        return tuple(below_landing(file.uri) for file, _ in self.files)

    def rows(self, *columns: str) -> DataFrame:
        """As `read_landed` returns them; without columns, with all of them."""
        if self.kept is None:
            return read_landed(self.spark, self.files, columns or self.columns)
        return self.kept.select(*columns) if columns else self.kept


def counts_of(files: LandedFiles) -> dict[date, int] | None:
    """Rows by day of arrival, as the files say themselves; None if one of them doesn't."""
    counts: dict[date, int] = {}
    for file, day in files:
        if file.row_count is None:
            return None
        counts[day] = counts.get(day, 0) + file.row_count
    return counts
