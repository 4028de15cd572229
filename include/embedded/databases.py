"""Migrate the warehouse, make the lake's tables, and let MLflow make its own."""

from include.config import load_config
from include.contracts import lake_tables
from include.database.address import database_url
from include.database.engine import engine
from include.database.migrate import migrate
from include.database.roles import create_team_roles, set_passwords
from include.lake.tables import Lake
from include.models.tracking import connect
from include.predictions.campaigns import copy_config
from include.settings import settings


def main() -> None:
    """Bring everything but Airflow's database up to date."""
    chosen = settings()
    config = load_config(chosen)
    with engine(chosen, "admin").begin() as connection:
        migrate(connection)
        copy_config(connection, config)
        create_team_roles(connection)
    set_passwords(chosen, database_url(chosen, "warehouse", role="admin"))
    lake = Lake(chosen)
    for contract in lake_tables(config.events.names).values():
        lake.create(contract)
    connect(chosen)


if __name__ == "__main__":
    main()
