"""Migrate the warehouse, make the lake's tables, and let MLflow make its own.

    bin/python -m include.embedded.databases

On a server of one's own, too: `PROPENSITY_POSTGRES_URL` names it, and a user who may make roles.
"""

import sys

from include.config import load_config
from include.contracts import lake_tables
from include.database.engine import engine
from include.database.migrate import migrate
from include.database.roles import create_team_roles
from include.database.server import prepare
from include.errors import PipelineError
from include.lake.tables import Lake
from include.models.tracking import connect
from include.predictions.campaigns import copy_config
from include.settings import check_arm_key, settings


def main() -> None:
    """Bring everything but Airflow's database up to date."""
    try:
        _main()
    except PipelineError as error:
        sys.exit(f"error: {error}")


def _main() -> None:
    chosen = settings()
    config = load_config(chosen)
    check_arm_key(chosen)
    prepare(chosen)
    with engine(chosen, "admin").begin() as connection:
        migrate(connection)
        copy_config(connection, config, chosen.time_zone)
        create_team_roles(connection)
    lake = Lake(chosen)
    for contract in lake_tables(config.events.names).values():
        lake.create(contract)
    connect(chosen)


if __name__ == "__main__":
    main()
