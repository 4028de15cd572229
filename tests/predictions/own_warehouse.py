"""A warehouse on a Postgres of its own, for benches and acceptance: gone when they end."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args
from unittest.mock import patch

from include.config import load_config
from include.database.address import Role
from include.database.engine import engine
from include.database.migrate import migrate
from include.database.roles import create_team_roles
from include.embedded.postgres import start_postgres, stop_postgres
from include.predictions.campaigns import copy_config
from include.settings import Settings, load_settings

CAMPAIGNS = tuple(sorted(c.campaign_id for c in load_config(load_settings({})).active_campaigns))


@contextmanager
def own_warehouse() -> Iterator[Settings]:
    """Migrated and empty."""
    # Not in a folder of root's: as root, the server runs as another user.
    home = Path(tempfile.mkdtemp(prefix="propensity-own-", dir="/var/tmp"))
    home.chmod(0o755)
    ours = {"PROPENSITY_HOME": str(home)}
    place = load_settings(ours)
    start_postgres(place)
    try:
        with engine(place, "admin").begin() as connection:
            migrate(connection)
            copy_config(connection, load_config(place), place.time_zone)
            create_team_roles(connection)
        with patch.dict(os.environ, ours):
            yield place
    finally:
        for role in get_args(Role):
            engine(place, role).dispose()
        stop_postgres(place)
        shutil.rmtree(home)
