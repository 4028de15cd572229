"""The jobs' code as one zip for `spark.submit.pyFiles`: `make spark-package`.

Executors are handed functions that name modules of `include/` and `spark_jobs/`, and find them in
here. So does the driver: Spark puts the zip before whatever it would find elsewhere. What these
modules import of others (requirements.txt) is installed on each machine.
"""

import sys
import zipfile
from pathlib import Path

from include.code_version import PACKED_FILE, code_version
from include.settings import CONFIG, PROJECT, Settings

PACKAGES = ("include", "spark_jobs")
ROOT = PROJECT.parts
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""A checkout is the same zip, whenever it is packed."""


def pack(to: Path) -> Path:
    """Write the zip; returns its path."""
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_suffix(".part")
    content = {
        path.relative_to(PROJECT).as_posix(): path.read_bytes()
        for name in PACKAGES
        for path in sorted((PROJECT / name).rglob("*.py"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts[len(ROOT) :])
    }
    # The configuration that ships, by name: beside it may lie what is nobody's business.
    for field in Settings.model_fields.values():
        if isinstance(field.default, Path) and field.default.parent == CONFIG:
            content[f"include/config/{field.default.name}"] = field.default.read_bytes()
    content[f"include/{PACKED_FILE}"] = code_version().encode()
    with zipfile.ZipFile(part, "w") as package:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            package.writestr(entry, data)
    part.rename(to)
    return to


if __name__ == "__main__":
    print(f"spark.submit.pyFiles {pack(Path(sys.argv[1]).resolve())}")
