"""Imports go one way, in the order of the data; what must stay light stays light."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

# Each may import what stands above it, and itself.
LAYERS = (
    (
        "include.errors",
        "include.days",
        "include.locations",
        "include.private_folder",
        "include.store_errors",
    ),
    ("include.store",),
    ("include.settings",),
    ("include.code_version",),
    ("include.config",),
    ("include.contracts",),
    ("include.quality",),
    ("include.database",),
    ("include.landing",),
    ("include.lake",),
    ("include.models",),
    ("include.predictions",),
    ("include.audience",),
    ("include.orchestration",),
    ("include.embedded",),
    ("include.stack",),
)
RANK = {package: number for number, layer in enumerate(LAYERS) for package in layer}

# Folder → modules that nothing in it may import, at any depth of a file.
FORBIDDEN = {
    "include/models": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/predictions": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/audience": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/database": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/lake": ("airflow", "spark_jobs", "dags"),
    "include/landing": ("airflow", "pyspark", "spark_jobs", "dags"),
    "include/contracts": ("airflow", "spark_jobs", "dags"),
    "include/quality": ("airflow", "spark_jobs", "dags"),
    "include/orchestration": ("pyspark", "spark_jobs", "dags"),
    "spark_jobs": (
        "airflow", "sqlalchemy", "include.database", "include.predictions", "include.audience",
        "include.orchestration", "include.lake.ledger", "include.lake.gate", "include.lake.publish",
    ),
    "spark_jobs/transforms": ("include.lake", "include.settings", "include.quality"),
    "dags": ("pyspark", "spark_jobs", "pandas", "torch", "xgboost"),
    "include": ("dags", "plugins"),
}  # fmt: skip
MODELS_FOR_SPARK = {"include.models.prediction", "include.models.snapshot_dates"}
CATALOG_IN = ("include/lake/", "include/contracts/model.py")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted((PROJECT / "include").rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Everything a file imports, inside functions too; names count, since they may be modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def layer_of(module: str) -> int:
    return next(rank for package, rank in RANK.items() if is_in(module, package))


def test_every_module_has_a_place_in_the_order() -> None:
    homeless = [m for m in MODULES if m != "include" and not any(is_in(m, p) for p in RANK)]
    assert not homeless


def test_packages_import_only_what_comes_before_them() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if module != "include"
        for name in sorted(imports(path))
        if any(is_in(name, package) for package in RANK) and layer_of(name) > layer_of(module)
    ]
    assert not wrong


def test_no_module_is_imported_by_what_it_imports() -> None:
    uses = {m: (imports(path) & set(MODULES)) - {m} for m, path in MODULES.items()}

    def walk(module: str, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if module in path:
            yield (*path[path.index(module) :], module)
        elif module not in done:
            for used in sorted(uses[module]):
                yield from walk(used, (*path, module))
            done.add(module)

    done: set[str] = set()
    circles = [" → ".join(circle) for module in MODULES for circle in walk(module, ())]
    assert not circles


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_nothing_imports_what_it_must_not(folder: str) -> None:
    files = sorted((PROJECT / folder).rglob("*.py"))
    assert files, f"{folder} is empty: the test would pass without looking"
    wrong = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for path in files
        for name in sorted(imports(path))
        if any(is_in(name, package) for package in FORBIDDEN[folder])
        # Types for whoever reads the lake with Spark; imported where it is used.
        and not (folder == "include/lake" and is_in(name, "pyspark"))
    ]
    assert not wrong


def test_spark_jobs_know_of_models_only_how_to_predict_and_which_dates_are_learnt_from() -> None:
    known = {
        name
        for path in (PROJECT / "spark_jobs").rglob("*.py")
        for name in imports(path)
        if is_in(name, "include.models")
    }
    assert {".".join(name.split(".")[:3]) for name in known} == MODELS_FOR_SPARK


def test_only_the_lake_knows_the_catalog() -> None:
    knowing = [
        str(path.relative_to(PROJECT))
        for folder in ("include", "spark_jobs", "dags", "plugins")
        for path in (PROJECT / folder).rglob("*.py")
        if any(is_in(name, "pyiceberg") for name in imports(path))
    ]
    assert knowing
    assert [path for path in knowing if not path.startswith(CATALOG_IN)] == []
