"""Imports go one way; what must stay light stays light."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

# Folder → modules that nothing in it may import, at any depth of a file.
FORBIDDEN = {
    "include/training": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/warehouse": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/contracts": ("airflow", "spark_jobs", "include.lake", "include.warehouse"),
    "include/quality": ("airflow", "spark_jobs", "include.lake", "include.warehouse"),
    "spark_jobs": ("airflow", "include.warehouse", "include.orchestration", "sqlalchemy"),
    "spark_jobs/transforms": ("include.lake", "include.settings", "include.quality"),
    "dags": ("pyspark", "spark_jobs", "pandas", "torch", "xgboost"),
    "include": ("dags",),
}
TRAINING_FOR_SPARK = {"include.training.prediction"}
CATALOG_FOR = {"include/lake.py", "include/lake_maintenance.py", "include/contracts/model.py"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_nothing_imports_what_it_must_not(folder: str) -> None:
    files = sorted((PROJECT / folder).rglob("*.py"))
    assert files, f"{folder} is empty: the test would pass without looking"
    wrong = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for path in files
        for name in sorted(imports(path))
        if any(is_in(name, package) for package in FORBIDDEN[folder])
    ]
    assert not wrong


def test_spark_jobs_know_of_training_only_how_to_predict() -> None:
    known = {
        name
        for path in (PROJECT / "spark_jobs").rglob("*.py")
        for name in imports(path)
        if is_in(name, "include.training")
    }
    modules = {".".join(name.split(".")[:3]) for name in known}
    assert modules == TRAINING_FOR_SPARK


def test_only_the_lake_knows_the_catalog() -> None:
    knowing = {
        str(path.relative_to(PROJECT))
        for folder in ("include", "spark_jobs", "dags")
        for path in (PROJECT / folder).rglob("*.py")
        if any(is_in(name, "pyiceberg") for name in imports(path))
    }
    assert knowing == CATALOG_FOR
