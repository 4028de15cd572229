"""The code that executors need, as one zip for `spark.submit.pyFiles`: `make spark-package`.

A driver runs from a checkout or an image, where its configuration lies beside its code; executors
are handed functions that name modules of `include/` and `spark_jobs/`, and find them in here.
What those import of others (requirements.txt) is installed on each worker.
"""

import sys
import zipfile
from pathlib import Path

from include.settings import PROJECT

PACKAGES = ("include", "spark_jobs")
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The same code is the same zip, whenever it is packed."""


def pack(to: Path) -> Path:
    """Write the zip; returns its path."""
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as package:
        for name in PACKAGES:
            for path in sorted((PROJECT / name).rglob("*.py")):
                entry = zipfile.ZipInfo(path.relative_to(PROJECT).as_posix(), LONG_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                package.writestr(entry, path.read_bytes())
    part.rename(to)
    return to


if __name__ == "__main__":
    print(f"spark.submit.pyFiles {pack(Path(sys.argv[1]).resolve())}")
