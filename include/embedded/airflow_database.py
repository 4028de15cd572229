"""Migrate Airflow's metadata database and make its pools, in one process (importing takes 6 s)."""

from airflow.models.pool import Pool
from airflow.utils import db

from include.config import load_kubernetes
from include.orchestration.defaults import GPU_POOL, POOLS
from include.settings import settings


def main() -> None:
    """Migrate, then make the pools that are missing; a pool's size may be changed in the UI."""
    db.upgradedb()
    configured = {GPU_POOL: load_kubernetes(settings()).gpus_at_once}
    for name, (slots, description) in POOLS.items():
        if Pool.get_pool(name) is None:
            Pool.create_or_update_pool(
                name, configured.get(name, slots), description, include_deferred=False
            )


if __name__ == "__main__":
    main()
