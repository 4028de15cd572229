"""What `maintain_weekly` does to the lake: all of it by age, all of it safe to repeat."""

from datetime import UTC, datetime, timedelta

from include.config import load_config
from include.contracts import lake_tables
from include.lake.known import thin_known
from include.lake.old_attempts import forget_old_attempts
from include.lake.tables import Lake
from include.lake.upkeep import expire, remove_orphans
from include.settings import settings


def maintain_lake(now: datetime | None = None) -> None:
    """Forget what is old, table by table, and what attempts left; prints what it deleted.

    Args:
        now: What ages are counted from; default: now.
    """
    config = load_config(settings())
    retention = config.warehouse.retention
    lake = Lake(settings())
    now = now or datetime.now(UTC)
    for name, days in thin_known(lake, retention.known_days).items():
        _say(f"{name}: {len(days)} days deleted, {days[0]} to {days[-1]}")
    for contract in lake_tables(config.events.names).values():
        lake.create(contract)
        oldest = now - timedelta(days=retention.lake_snapshot_days)
        snapshots, files = expire(lake, contract, oldest)
        orphans = remove_orphans(lake, contract, now - timedelta(days=retention.staged_days))
        _say(
            f"{contract.name}: {snapshots} snapshots forgotten with {files} files, "
            f"{orphans} files that nothing referred to deleted"
        )
    _say(f"attempts: {forget_old_attempts(settings(), retention, now)}")


def _say(what: str) -> None:
    print(f"[maintain] {what}", flush=True)
