"""The audits of an attempt's tables: one after the other, beside whatever is built meanwhile."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date

from duckdb import DuckDBPyConnection

from include.config import Quality
from include.contracts import Table
from include.quality import rules
from include.quality.runner import Audit
from include.quality.verdict import ExpectationResult

Count = Callable[[DuckDBPyConnection, str], dict[date, dict[str, int]]]
"""Counts the rows that are audited, given DuckDB's connection and their name there: by day of
arrival, by field of `Accounting`."""
Verdicts = tuple[ExpectationResult, ...]


class Audits:
    """Of one attempt. Half of an audit is Python's: the next table is built meanwhile."""

    def __init__(self, audit: Audit, quality: Quality) -> None:
        """Start without any.

        Args:
            audit: Great Expectations.
            quality: Bounds of rules.
        """
        self._audit = audit
        self._quality = quality
        # One at a time: Great Expectations' context isn't made for several threads.
        self._auditor = ThreadPoolExecutor(1, "audit")
        self._verdicts: dict[str, Future[Verdicts]] = {}
        self.counted: dict[str, dict[date, dict[str, int]]] = {}
        """By table, once `finish` returned."""

    def begin(self, contract: Table, files: tuple[str, ...], count: Count | None = None) -> None:
        """Audit the staged files of a table, and count their rows."""
        self._verdicts[contract.name] = self._auditor.submit(self._run, contract, files, count)

    def finish(self) -> dict[str, Verdicts]:
        """Wait for all of them; returns the verdicts by table."""
        found = {name: verdict.result() for name, verdict in self._verdicts.items()}
        self._auditor.shutdown()
        return found

    def abandon(self) -> None:
        """Don't wait for those of an attempt that failed anyway."""
        self._auditor.shutdown(cancel_futures=True)

    def _run(self, contract: Table, files: tuple[str, ...], count: Count | None) -> Verdicts:
        name, started = contract.name, time.monotonic()

        def look(database: DuckDBPyConnection, view: str) -> None:
            nonlocal started
            if count:
                self.counted[name] = count(database, view)
                took = time.monotonic() - started
                print(f"[{name}] counted in {took:.1f} s", flush=True)
                started = time.monotonic()

        expected = rules(contract, self._quality)
        results = tuple(self._audit.check(name, files, contract.arrow_schema(), expected, look))
        failed = [result for result in results if not result.success]
        print(
            f"[{name}] audited in {time.monotonic() - started:.1f} s: "
            f"{len(results) - len(failed)} of {len(results)} expectations hold"
            + "".join(
                f"\n  {r.severity}: {r.column} {r.expectation}: {r.observed}" for r in failed
            ),
            flush=True,
        )
        return results
