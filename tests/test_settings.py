"""Settings: defaults, and a sentence for whatever can't be used."""

import pytest

from include.embedded.environment import check_java, java_version
from include.errors import SettingsError
from include.settings import PROJECT, load_settings


def test_defaults_lie_below_the_project() -> None:
    chosen = load_settings({"HOME": "/root", "PATH": "/bin"})
    assert chosen.landing_uri == str(PROJECT / ".local" / "landing")
    assert chosen.lake_uri == str(PROJECT / ".local" / "lake")


def test_every_path_starts_at_the_project() -> None:
    paths = {"home", "campaigns", "events", "experiments", "quality", "warehouse", "kubernetes",
             "data_docs", "spark_properties"}  # fmt: skip
    chosen = load_settings({f"PROPENSITY_{name.upper()}": f"x/{name}" for name in paths})
    assert {name: getattr(chosen, name) for name in paths} == {
        name: PROJECT / "x" / name for name in paths
    }


def test_object_stores_stay_as_they_are() -> None:
    assert load_settings({"PROPENSITY_LAKE": "s3://bucket/lake/"}).lake_uri == "s3://bucket/lake"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PROPENSITY_LAKEE": "x"}, r"PROPENSITY_LAKEE is set but is not a setting"),
        ({"PROPENSITY_UI_PORT": "80"}, r"PROPENSITY_UI_PORT='80' can't be used"),
        ({"PROPENSITY_SPARK_DRIVER_MEMORY": "lots"}, "PROPENSITY_SPARK_DRIVER_MEMORY='lots'"),
        ({"PROPENSITY_CATALOG_PROPERTIES": "{"}, "PROPENSITY_CATALOG_PROPERTIES is not JSON"),
    ],
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load_settings(environ)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("not a version", None),
    ],
)
def test_java_version(printed: str, version: int | None) -> None:
    assert java_version(printed) == version


def test_missing_java_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = load_settings({"PROPENSITY_SPARK_ENGINE": "spark"})
    with pytest.raises(SettingsError, match="no Java was found. Apache Spark needs Java 17 or"):
        check_java(chosen)
    check_java(load_settings({"PROPENSITY_SPARK_ENGINE": "sail"}))
