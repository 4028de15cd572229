"""Migrate Airflow's metadata database and make its pools, in one process (importing takes 6 s)."""

from airflow.models.pool import Pool
from airflow.utils import db

from include.orchestration.defaults import POOLS


def main() -> None:
    """Migrate, then make the pools that are missing; a pool's size may be changed in the UI."""
    db.upgradedb()
    for name, (slots, description) in POOLS.items():
        if Pool.get_pool(name) is None:
            Pool.create_or_update_pool(name, slots, description, include_deferred=False)


if __name__ == "__main__":
    main()
