"""Our side: a job of the project, run as its task runs it, from arguments to receipt."""

import itertools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from include.config import load_config
from include.contracts import Table, lake_tables
from include.lake.receipts import Receipt, StagedTable, read_receipt, receipt_uri
from include.settings import PREFIX, PROJECT, settings
from tests.bench.digests import digest
from tests.bench.harness import Digest, Outcome
from tests.bench.market import DAY
from tests.bench.place import HOME, LOGS, environment, remove
from tests.bench.process import Ran, run

AUDITED = re.compile(r"^\[\S+\] audited in (\d+\.\d+) s", re.MULTILINE)
RAW = {"core.rejected_events": ("raw",)}
"""A refused row's text: engines write the same JSON differently."""
RUNS = itertools.count(1)


@dataclass(frozen=True)
class Job:
    """A job on one landing zone."""

    name: str
    landing: Path
    campaigns: Path | None = None
    """Their file; None: as the benches have them."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: RAW)
    """Columns of its tables that no yardstick makes, or makes alike."""
    engine: str = field(default_factory=lambda: settings().spark_engine)
    """`sail` or `spark`; default: what the settings say."""

    def run(self, dag_run: str) -> tuple[Ran, Receipt]:
        """Run it once, for a DAG run.

        Raises:
            BenchError: It failed.
        """
        days = ["--from-day", f"{DAY}", "--to-day", f"{DAY}"]
        more = [f"--set={key}={value}" for key, value in self.parameters.items()]
        command = [*_submit(self.name, self.engine), *days, "--run", dag_run, *more]
        ran = run(command, self.environment(), PROJECT, LOGS / f"{self.name}.log")
        return ran, read_receipt(receipt_uri(settings(), dag_run, self.name))

    def environment(self) -> dict[str, str]:
        """The environment of its task."""
        chosen = {"LANDING": str(self.landing), "SPARK_ENGINE": self.engine}
        place = environment(**{f"{PREFIX}{name}": value for name, value in chosen.items()})
        return place | ({f"{PREFIX}CAMPAIGNS": str(self.campaigns)} if self.campaigns else {})

    def measure(self) -> Outcome:
        """Run it once, look at what it staged, and remove that."""
        ran, receipt = self.run(_new_run())
        outputs = {table.table: _digest(table, self.without) for table in receipt.tables}
        for row in receipt.accounting:
            outputs[f"landed {row.table}"] = Digest(row.landed)
        for table in receipt.tables:
            for file in table.files:
                Path(file.removeprefix("file://")).unlink()
        remove(HOME / "data_docs")
        audits_s = [float(seconds) for seconds in AUDITED.findall(ran.output)]
        return Outcome(
            duration_s=ran.duration_s,
            outputs=outputs,
            peak_rss_bytes=ran.peak_rss_bytes,
            parts_s={"audit": sum(audits_s)} if audits_s else {},
        )

    def publish(self, dag_run: str = "") -> dict[str, tuple[str, ...]]:
        """Run it once and publish what it made; returns the URIs of each table's files."""
        dag_run = dag_run or _new_run()
        ran, receipt = self.run(dag_run)
        print(f"[bench] {self.name} of {DAY} in {ran.duration_s:.1f} s, to be read", flush=True)
        command = [sys.executable, "-m", "tests.bench.publish", self.name, dag_run]
        run(command, self.environment(), PROJECT, LOGS / f"publish-{self.name}.log")
        return {table.table: table.files for table in receipt.tables}


def contract(table: str) -> Table:
    """The contract of a lake table, for the vocabulary of made-up traffic."""
    return lake_tables(load_config(settings()).events.names)[table]


def spark_submit(name: str, application: Path) -> list[str]:
    """How `SparkJobOperator` submits an application, up to its own arguments."""
    return [
        "spark-submit", "--master", settings().spark_master,
        "--properties-file", str(settings().spark_properties_path),
        "--name", name, str(application),
    ]  # fmt: skip


def _new_run() -> str:
    return f"bench/{next(RUNS)}"


def _submit(job: str, engine: str) -> list[str]:
    if engine == "sail":
        return [sys.executable, "-u", "-m", f"spark_jobs.{job}"]
    return spark_submit(job, PROJECT / "spark_jobs" / f"{job}.py")


def _digest(table: StagedTable, without: Mapping[str, tuple[str, ...]]) -> Digest:
    return digest(table.files, contract(table.table), without.get(table.table, ()))
