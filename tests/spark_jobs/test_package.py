"""The zip for a cluster: the same code is the same bytes; it works where there is no checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from include.code_version import code_version
from include.settings import CONFIG
from spark_jobs.package import pack

CODE = """
import sys
import include.settings, spark_jobs.transforms.events
from include.code_version import code_version
from include.config import load_config
from include.settings import settings
assert include.settings.__file__.startswith(sys.argv[1]), include.settings.__file__
print(code_version(), len(load_config(settings()).active_campaigns), settings().lake_uri)
"""


def test_the_same_code_is_the_same_zip(tmp_path: Path) -> None:
    one, two = pack(tmp_path / "one.zip"), pack(tmp_path / "two.zip")
    assert one.read_bytes() == two.read_bytes()
    names = [Path(name) for name in zipfile.ZipFile(one).namelist()]
    assert {name.suffix for name in names} == {".py", ".yaml", ""}
    shipped = {path.name for path in CONFIG.glob("*.yaml")}
    assert {name.name for name in names if name.suffix == ".yaml"} == shipped
    assert [str(name) for name in names if not name.suffix] == ["include/CODE_VERSION"]


def test_it_brings_its_configuration_and_its_version(tmp_path: Path) -> None:
    package = pack(tmp_path / "jobs.zip")
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(package)], env=clean | {"PYTHONPATH": str(package)},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [code_version(), "8", f"{tmp_path}/.local/lake"]
