"""The folder that holds the embedded default's state is for its owner's eyes only."""

import os
import stat
from pathlib import Path

from include.private_folder import make_private

FOLDERS = ("airflow", "data_docs", "lake", "landing", "mlflow", "spark")


def close_home(home: Path) -> None:
    """Close `<home>`, the folders in it, and the files that lie in it directly.

    As root, the embedded Postgres runs as a user of its own, who has to pass through `<home>` to
    its data: then others may pass as well, but neither list it nor read anything there.
    """
    make_private(home, 0o711 if os.geteuid() == 0 else 0o700)
    for name in FOLDERS:
        make_private(home / name)
    for entry in home.iterdir():
        found = entry.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            entry.chmod(0o600)
