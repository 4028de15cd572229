"""Read landed files of any of the three formats into one DataFrame, or name the file that can't be.

Every file is looked at before Spark reads it: its format, and that it has the columns that the
contract asks for. What's wrong with single rows is left to the transforms.
"""

from collections import defaultdict
from dataclasses import replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from include.days import Days
from include.errors import LandingError
from include.landing.files import MAX_CSV_FIELDS, LandedFile, inspect
from include.landing.zone import SUCCESS, Landing
from spark_jobs.transforms.parsing import CORRUPT

# Files differ in how they spell a type; a column keeps its type only where all files agree.
TEXT = "string"
DAY = "date"
NAME_OF_CORRUPT = "columnNameOfCorruptRecord"
REPLACEMENT = "\ufffd"
"""What stands for bytes that no text in UTF-8 has."""
JSON_DEPTH = 8
"""Objects within objects that are looked through; what lies deeper is left to Spark."""


def read_landed(
    spark: SparkSession,
    landing: Landing,
    table: str,
    days: Days,
    columns: tuple[str, ...],
    required: tuple[str, ...],
) -> DataFrame:
    """The landed rows of a table and a range of days.

    Args:
        spark: The session.
        landing: The landing zone.
        table: `events`, `listings` or `users`.
        days: Days of arrival; each must have its `_SUCCESS`.
        columns: What to read; a column that a file lacks is null.
        required: What each file must have.

    Returns:
        One row a landed row: `columns` (texts, or typed where all files agree on a type),
        `_corrupt_record` (the text of a row that can't be read), `source_file` (its URI), and
        `ingest_date`.

    Raises:
        LandingError: A day isn't complete, or a file is of no known format, can't be read, or
            lacks a required column. The text names it.
    """
    if missing := landing.incomplete([table], days):
        raise LandingError(
            f"{missing[0]} has no {SUCCESS}, so the day isn't complete"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + ". Ask the source, or wait; nothing was changed"
        )
    groups: dict[LandedFile, list[str]] = defaultdict(list)
    for day in days:
        for uri in landing.files(table, day):
            file = inspect(uri, required)
            groups[replace(file, uri="")].append(uri)
    base = landing.folder(table, days.first).rsplit("/", 1)[0]
    parts = [_read(spark, base, group, uris, columns) for group, uris in groups.items()]
    if not parts:
        texts = ", ".join(f"`{name}` string" for name in (*columns, CORRUPT, "source_file"))
        return spark.createDataFrame([], f"{texts}, ingest_date date")
    kinds = [dict(part.dtypes) for part in parts]
    rows: DataFrame | None = None
    for part in parts:
        alike = part.select(
            *[
                F.col(name)
                if len({kind[name] for kind in kinds}) == 1
                else F.col(name).cast(TEXT).alias(name)
                for name in part.columns
            ]
        )
        rows = alike if rows is None else rows.unionByName(alike)
    assert rows is not None
    return rows


def below_landing() -> Column:
    """`source_file` as the name below the landing zone, for rejected rows."""
    return F.regexp_extract("source_file", r"([^/]+/date=[^/]+/[^/]+)$", 1).alias("source_file")


def _read(
    spark: SparkSession,
    base: str,
    group: LandedFile,
    uris: list[str],
    columns: tuple[str, ...],
) -> DataFrame:
    form, names = group.form, group.columns
    # With a base path, Spark takes the day from the folder's name, once a file.
    reader = spark.read.option("basePath", base)
    if form == "parquet":
        rows = reader.parquet(*uris).withColumn(CORRUPT, F.lit(None).cast(TEXT))
        found = set(names)
        for name, kind in rows.dtypes:
            # Beside a file of another type it would go through text, and be another number.
            if kind == "float" and name in columns:
                rows = rows.withColumn(name, F.col(name).cast("double"))
        for name in set(group.nanoseconds) & set(columns):
            # Down to the microsecond before, also before 1970; in whole numbers, as a double can't.
            rows = rows.withColumn(
                name, F.expr(f"timestamp_micros(`{name}` div 1000 - if(`{name}` % 1000 < 0, 1, 0))")
            )
    else:
        # CSV goes by place: a column of the file's own called `date` must not hide the folder's.
        texts = [f"file_{name}" if name == DAY else name for name in names] or columns
        fields = [T.StructField(name, T.StringType()) for name in (*texts, CORRUPT)]
        schema = T.StructType([*fields, T.StructField(DAY, T.DateType())])
        if form == "csv":
            # A line that is too short or too long is found only where all of it is parsed.
            reader = reader.option("columnPruning", False).option(NAME_OF_CORRUPT, CORRUPT)
            reader = reader.option("maxColumns", MAX_CSV_FIELDS)
            rows = reader.schema(schema).csv(uris, header=True, escape='"', mode="PERMISSIVE")
        else:
            rows = _json_lines(reader.text(uris), T.StructType(fields))
        found = set(texts)
    kept = rows.select(
        *[F.col(name) if name in found else F.lit(None).cast(TEXT).alias(name) for name in columns],
        F.col(CORRUPT),
        F.col("_metadata.file_path").alias("source_file"),
        F.col(DAY).cast("date").alias("ingest_date"),
    )
    return _with_readable_texts(kept, columns)


def _json_lines(lines: DataFrame, schema: T.StructType) -> DataFrame:
    """One row a line; a line that isn't one object, and nothing else, is malformed.

    Spark's parser alone stops after the first object of a line, and makes several rows of a list.
    """
    line = F.regexp_replace("value", "^\ufeff", "")
    # Without its texts, a line is one object if all braces fall together to one.
    bare = F.regexp_replace(F.regexp_replace(line, r"\\.", ""), '"[^"]*"', "0")
    for _ in range(JSON_DEPTH):
        bare = F.regexp_replace(bare, r"\{[^{}]*\}", "0")
    is_one = (bare.rlike(r"^\s*0\s*$") & line.rlike(r"^\s*\{")) | bare.rlike(r"^\s*\{")
    is_one = is_one & ~_names_twice(line) & ~_has_half_a_character(line)
    parsed = F.from_json(
        F.when(is_one, line), schema, {"mode": "PERMISSIVE", NAME_OF_CORRUPT: CORRUPT}
    )
    return (
        lines.where(F.trim(line) != "")
        .select(DAY, "_metadata", parsed.alias("parsed"), F.when(~is_one, line).alias("odd"))
        .select(
            *[
                F.coalesce("odd", f"parsed.{CORRUPT}").alias(CORRUPT)
                if name == CORRUPT
                else F.col(f"parsed.{name}").alias(name)
                for name in schema.names
            ],
            "_metadata",
            DAY,
        )
    )


def _names_twice(line: Column) -> Column:
    """Whether an object has a name twice: parsers take the last value, and drop the others."""
    names = F.json_object_keys(line)
    return F.coalesce(F.size(names) > F.size(F.array_distinct(names)), F.lit(False))


def _has_half_a_character(line: Column) -> Column:
    r"""Whether a text escapes one half of a UTF-16 pair (`\ud83d`): all halves would become `?`."""
    escapes = F.regexp_replace(line, r"\\\\", "")
    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    halves = F.regexp_replace(escapes, pair, "").rlike(r"\\u[dD][89a-fA-F]")
    return line.rlike(r"\\u[dD][89a-fA-F]") & halves


def _with_readable_texts(rows: DataFrame, columns: tuple[str, ...]) -> DataFrame:
    """Rows with a text that isn't UTF-8 are malformed.

    Its bytes can't be stored, and what a reader makes of them (U+FFFD) may be equal where they
    were not: two ids would be one.
    """
    kinds = dict(rows.dtypes)
    texts = [name for name in (*columns, CORRUPT) if kinds[name] in (TEXT, "binary")]
    valid = {name: F.make_valid_utf8(F.col(name).cast(TEXT)) for name in texts}
    is_torn = F.lit(False)
    for name in texts:
        is_torn = is_torn | F.coalesce(valid[name].contains(REPLACEMENT), F.lit(False))
    named = F.to_json(F.struct(*[valid[name].alias(name) for name in texts if name != CORRUPT]))
    return rows.withColumns(
        {
            **valid,
            CORRUPT: F.when(is_torn & F.col(CORRUPT).isNull(), named).otherwise(valid[CORRUPT]),
        }
    )
