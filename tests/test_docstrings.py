"""The examples in docstrings are run, so that they stay true.

Besides its module's own names, an example may use

- `rows(table)`: a DataFrame from a table as a text, names in its first line:

        event_id | ingest_date | draw:double
        a        | 2026-03-10  | 0.5
        ""       | null        | 1.5

  A column that the contracts know has their type, whatever the table (`user_id` is a long); any
  other is a text, unless it says what else (`draw:double`). `null` is null, `""` an empty text,
  `[a, b]` an array. Columns that are the same in every row are arguments: `rows(table, value="1")`.
- `landed(table)`: the same as it lies in a landing file: all columns but `ingest_date` are texts,
  and no record is corrupt.
- `show(frame, *columns)`: prints these columns (all, where none is named) like such a table, in the
  order of their values.
- `spark`, the session.
"""

import doctest
import inspect
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.contracts import lake_tables

PROJECT = Path(__file__).parents[1]
TYPES = {
    column.name: {"strings": "array<string>"}.get(column.type, column.type)
    for table in lake_tables(("view", "buy")).values()
    for column in table.columns
}


def modules(folder: str, text: str = "") -> list[str]:
    """Names of the modules below a folder whose file has a text in it."""
    return [
        ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if text in path.read_text(encoding="utf-8")
    ]


def rows(
    spark: SparkSession, table: str, /, types: dict[str, str] = TYPES, **same: str
) -> DataFrame:
    header, *lines = (
        [cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()
    )
    columns = [name.partition(":") for name in (*header, *same)]
    cells = [
        tuple({"null": None, '""': ""}.get(cell, cell) for cell in (*line, *same.values()))
        for line in lines
    ]
    texts = spark.createDataFrame(cells, ", ".join(f"`{name}` string" for name, _, _ in columns))
    return texts.select(
        [typed(name, kind or types.get(name, "string")).alias(name) for name, _, kind in columns]
    )


def landed(spark: SparkSession, table: str, /, **same: str) -> DataFrame:
    found = rows(spark, table, types={"ingest_date": "date"}, **same)
    return found.withColumn("_corrupt_record", F.lit(None).cast("string"))


def typed(name: str, kind: str) -> Any:
    if kind == "array<string>":
        inside = F.regexp_extract(name, r"^\[(.*)\]$", 1)
        return F.filter(F.split(inside, ", *"), lambda text: text != "")
    return F.col(name).cast(kind)


def show(found: DataFrame, *columns: str) -> None:
    chosen = found.select(*(columns or found.columns))
    texts = chosen.orderBy(*chosen.columns).select(
        [F.col(name).cast("string") for name in chosen.columns]
    )
    cells = [["null" if cell is None else cell or '""' for cell in row] for row in texts.collect()]
    table = [chosen.columns, *cells]
    widths = [max(len(line[place]) for line in table) for place in range(len(chosen.columns))]
    for line in table:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print(" | ".join(padded).rstrip())


def run_examples(module: ModuleType, helpers: dict[str, Any]) -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder().find(module, extraglobs=helpers):
        runner.run(test, out=said.append)
    assert runner.tries, f"{module.__name__} has examples, but none was found"
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", modules("spark_jobs", ">>> "))
def test_of_spark_jobs(spark: SparkSession, name: str) -> None:
    helpers: dict[str, Callable[..., Any]] = {
        "rows": partial(rows, spark), "landed": partial(landed, spark), "show": show,
    }  # fmt: skip
    run_examples(import_module(name), helpers | {"spark": spark})


@pytest.mark.parametrize("name", modules("include", ">>> "))
def test_of_everything_else(name: str) -> None:
    run_examples(import_module(name), {})


def test_every_transform_shows_an_example() -> None:
    functions = [
        (f"{name}.{function.__name__}", function.__doc__ or "")
        for name in modules("spark_jobs/transforms")
        for _, function in inspect.getmembers(import_module(name), inspect.isfunction)
        if function.__module__ == name and not function.__name__.startswith("_")
    ]
    assert functions
    assert [name for name, text in functions if ">>> " not in text] == []
