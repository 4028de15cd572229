"""Weekly upkeep: drop by configured ages, and never what something live refers to."""

from datetime import UTC, datetime, timedelta


def maintain_warehouse() -> None:
    """Drop superseded versions, old days, and what killed attempts left."""
    from include.config import load_config
    from include.settings import settings
    from include.warehouse.engine import engine
    from include.warehouse.retention import (
        drop_all_leftovers,
        drop_old_days,
        drop_superseded,
        drop_task_states,
    )

    warehouse = engine(settings())
    retention = load_config(settings()).warehouse.retention
    now = datetime.now(UTC)
    old = drop_old_days(warehouse, retention)
    superseded = drop_superseded(warehouse, retention, now)
    leftovers = drop_all_leftovers(warehouse)
    with warehouse.begin() as connection:
        states = drop_task_states(connection, retention, now)
    print(
        f"[maintain] predictions: {len(old)} old days, {len(superseded)} superseded versions, "
        f"{len(leftovers)} tables of killed attempts, {states} task states dropped",
        flush=True,
    )


def maintain_lake() -> None:
    """Forget old snapshots and delete files that nothing refers to, table by table."""
    from include.config import load_config
    from include.contracts import lake_tables
    from include.lake import Lake
    from include.lake_maintenance import expire, remove_orphans
    from include.settings import settings

    config = load_config(settings())
    retention = config.warehouse.retention
    lake = Lake(settings())
    now = datetime.now(UTC)
    for contract in lake_tables(config.events.names).values():
        lake.create(contract)
        oldest = now - timedelta(days=retention.lake_snapshot_days)
        snapshots, files = expire(lake, contract, oldest)
        orphans = remove_orphans(lake, contract, now - timedelta(days=retention.staged_days))
        print(
            f"[maintain] {contract.name}: {snapshots} snapshots forgotten with {files} files, "
            f"{orphans} files that nothing referred to deleted",
            flush=True,
        )
