"""The other side: a script of `tests/bench/yardsticks`, run in a process of its own."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from include.settings import PROJECT
from tests.bench.digests import digest
from tests.bench.harness import Digest, Outcome
from tests.bench.jobs import RAW, contract, spark_submit
from tests.bench.place import BENCH, LOGS, environment, remove
from tests.bench.process import run
from tests.bench.yardsticks.work import Work

OUT = BENCH / "out"
SCRIPTS = Path(__file__).parent / "yardsticks"


@dataclass(frozen=True)
class Yardstick:
    """A script and its work."""

    script: str
    """Its name without `.py`."""
    work: Work
    tables: Sequence[str]
    """Lake tables that it makes; none: it writes the landed events as they are."""
    is_spark: bool = False
    without: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: RAW)
    """Columns that aren't compared."""

    def measure(self) -> Outcome:
        """Run it once, look at what it wrote, and remove that."""
        remove(Path(self.work.out))
        command = (
            spark_submit(self.script, SCRIPTS / f"{self.script}.py")
            if self.is_spark
            else [sys.executable, "-m", f"tests.bench.yardsticks.{self.script}"]
        )
        log = LOGS / f"{self.script}.log"
        ran = run([*command, self.work.to_json()], environment(), PROJECT, log)
        outputs = {
            table: digest(self._files(table), contract(table), self.without.get(table, ()))
            for table in self.tables
        }
        if not self.tables:
            files = self._files("landed events")
            outputs["landed events"] = Digest(sum(pq.read_metadata(f).num_rows for f in files))
        remove(Path(self.work.out))
        return Outcome(duration_s=ran.timed_s, outputs=outputs, peak_rss_bytes=ran.peak_rss_bytes)

    def _files(self, table: str) -> list[str]:
        return sorted(str(path) for path in (Path(self.work.out) / table).glob("*.parquet"))
