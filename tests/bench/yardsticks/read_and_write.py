"""Yardstick: Spark reads the landed events and writes the same rows; nothing else."""

from tests.bench.yardsticks.spark import landed_events, session
from tests.bench.yardsticks.work import Work, work


def main(asked: Work) -> None:
    """Write them."""
    rows = landed_events(session("read_and_write"), asked)
    rows.write.mode("overwrite").parquet(asked.folder("landed events"))


if __name__ == "__main__":
    main(work())
