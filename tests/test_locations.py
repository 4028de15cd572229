"""Where landing zone, lake and models may lie: what is mistyped fails at load, by its key."""

import pytest

from include.errors import SettingsError
from include.settings import load_settings

GOOD = ["", "/data/lake", "data/lake", "s3://market", "s3://market/lake/", "s3://market/a b/ä",
        "file:///data", "gs://market/lake", "abfss://box@account.dfs.core.windows.net/lake",
        "./data", "a:b/c".replace(":", "_")]  # fmt: skip
BAD = {
    "s3://": "names no bucket", "s3:///folder": "names no bucket", "s3a://b/x": "write s3://",
    "S3://b/x": "neither a path nor a URI", "s3:/b/x": "neither a path nor a URI",
    "s3:b": "neither a path nor a URI", "s3//b/x": "neither a path nor a URI",
    "file:/x": "neither a path nor a URI", "https://b/x": "isn't known", "~/lake": "whole path",
    " s3://b/x": "blanks or quotes", "'s3://b/x'": "blanks or quotes", "/": "no folder",
    "s3://b//x": "empty part", "s3://b/a/../c": "empty part", "s3://b/./c": "empty part",
    "s3://b/a%20b": "has % in it", "s3://b/a*": "has \\* in it", "/lake/[1]": "has \\[ \\] in it",
    "s3://b/a#b": "has # in it", "s3://b/a?b": "has \\? in it",
}  # fmt: skip
KEYS = ("LANDING", "LAKE", "ARTIFACTS", "SPARK_EVENT_LOG")


@pytest.mark.parametrize("location", GOOD)
def test_places_that_every_reader_reads_alike(location: str) -> None:
    for key in KEYS:
        load_settings({f"PROPENSITY_{key}": location})


@pytest.mark.parametrize("location", BAD)
def test_typos_fail_at_load_and_name_the_key(location: str) -> None:
    for key in KEYS:
        with pytest.raises(SettingsError, match=f"^PROPENSITY_{key}=.*{BAD[location]}"):
            load_settings({f"PROPENSITY_{key}": location})


def test_a_home_with_letters_of_patterns_is_refused() -> None:
    with pytest.raises(SettingsError, match="^PROPENSITY_HOME=.*has \\* in it"):
        load_settings({"PROPENSITY_HOME": "/tmp/a*b"})


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="^PROPENSITY_LAKE can't be used: .*credentials") as one:
        load_settings({"PROPENSITY_LAKE": "s3://AKIA:s3cr3t@b/x"})
    assert "s3cr3t" not in str(one.value)


def test_addresses_that_may_hold_a_secret_are_not_shown() -> None:
    shown = repr(load_settings({
        "PROPENSITY_CATALOG_PROPERTIES": '{"token": "s3cr3t"}',
        "PROPENSITY_MLFLOW_TRACKING_URI": "https://ann:s3cr3t@mlflow",
    }))  # fmt: skip
    assert "s3cr3t" not in shown
