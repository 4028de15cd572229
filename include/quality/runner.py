"""Run the rules of a table on its staged files with Great Expectations, on DuckDB.

DuckDB reads the files beside whatever engine wrote them, and starts no jobs (14 expectations on
1.45 million events: 2.5 s).

Two passes: the first asks only whether each rule holds, the second asks what was seen, and only of
those that failed, member by member.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from include.quality.docs_upkeep import SHARED, share_assets
from include.quality.rules import Rule
from include.quality.staged_rows import StagedRows
from include.quality.verdict import ExpectationResult

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


class Audit:
    """The audit of one attempt of a job: several tables, one folder of Data Docs."""

    def __init__(self, docs: Path) -> None:
        """Start an audit.

        Args:
            docs: Folder for this attempt's Data Docs; made if missing.
        """
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        docs.mkdir(parents=True, exist_ok=True)
        self._gx = gx
        self._docs = docs
        self._context: Any = gx.get_context(mode="file", project_root_dir=docs)
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self._staged = StagedRows()
        self._source = self._context.data_sources.add_or_update_sql(
            "staged", connection_string=self._staged.url, create_temp_table=False
        )
        _without_transactions(self._source.get_execution_engine().engine.dialect)

    def check(
        self,
        table: str,
        files: Sequence[str],
        schema: pa.Schema,
        rules: tuple[Rule, ...],
        look: Callable[[DuckDBPyConnection, str], object] | None = None,
    ) -> list[ExpectationResult]:
        """Check the rows of a table; one result a rule or, where it has members, a member.

        Of a table without rows, every rule about rows holds, so only its row count is checked.

        Args:
            table: Its name.
            files: URIs of its rows' Parquet files.
            schema: Of the rows.
            rules: What is expected of them.
            look: Looks at the rows, too; takes the database, and their name there.

        Raises:
            RuntimeError: Great Expectations could not tell of a rule, or contradicts itself.
        """
        view = table.replace(".", "_")
        computed = {rule.column: rule.expression for rule in rules if rule.expression}
        with self._staged.shown(view, files, schema, computed):
            if look:
                look(self._staged.database, view)
            return self._judged(table, view, rules)

    def _judged(self, table: str, view: str, rules: tuple[Rule, ...]) -> list[ExpectationResult]:
        asset = self._source.add_table_asset(name=table, table_name=view)
        batch = asset.add_batch_definition_whole_table("whole")
        held = self._run(batch, table, view, rules, "BOOLEAN_ONLY")
        failed = tuple(
            member
            for rule, result in zip(rules, held, strict=True)
            if not result.success
            for member in (rule.members or (rule,))
        )
        seen: dict[int, Any] = {}
        if failed:
            again = self._run(batch, f"{table}: what failed", view, failed, "BASIC")
            seen = {id(rule): result for rule, result in zip(failed, again, strict=True)}
            for rule, result in zip(rules, held, strict=True):
                members = [seen[id(member)] for member in rule.members if id(member) in seen]
                is_unfounded = members and all(r.success for r in members)
                # Two keys of one hash: then the members have the last word.
                if not result.success and is_unfounded and not rule.distinct:
                    raise RuntimeError(f"{table}: {rule.column} failed, but none of its members")
        return [
            _result(rule, seen.get(id(rule)))
            for group in rules
            for rule in (group.members or (group,))
        ]

    def write_docs(self, root: Path) -> Path:
        """Write the Data Docs; returns the page to open.

        Args:
            root: Folder of all attempts' Data Docs, which holds what their pages share.
        """
        self._context.build_data_docs()
        site = self._docs / "gx" / "uncommitted" / "data_docs" / "local_site"
        share_assets(site, root / f"{SHARED}{self._gx.__version__}")
        return site / "index.html"

    def _run(
        self, batch: Any, name: str, view: str, rules: tuple[Rule, ...], form: str
    ) -> list[Any]:
        expectations = [
            getattr(self._gx.expectations, rule.expectation)(
                **rule.arguments,
                **({"value": self._staged.distinct(view, rule.distinct)} if rule.distinct else {}),
                severity=rule.severity,
                notes=_notes(rule),
            )
            for rule in rules
        ]
        # One by one, each expectation would rewrite the whole suite.
        suite = self._context.suites.add(
            self._gx.ExpectationSuite(name=name, expectations=expectations)
        )
        definition = self._context.validation_definitions.add(
            self._gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        checkpoint = self._context.checkpoints.add(
            self._gx.Checkpoint(name=name, validation_definitions=[definition], result_format=form)
        )
        run = checkpoint.run()
        (validation,) = run.run_results.values()
        for result in validation.results:
            if raised := _exception(result):
                raise RuntimeError(f"{name}: {result.expectation_config.type} broke: {raised}")
        by_id = {result.expectation_config.id: result for result in validation.results}
        return [by_id[expectation.id] for expectation in suite.expectations]


def _without_transactions(dialect: Any) -> None:
    """Great Expectations fetches results after the connection went back to its pool.

    DuckDB drops them at the rollback that this brings; and nothing is ever written.
    """
    dialect.do_begin = dialect.do_commit = dialect.do_rollback = lambda _connection: None


def _exception(result: Any) -> str | None:
    info = result.exception_info or {}
    if message := info.get("exception_message"):
        return str(message)
    nested = (value["exception_message"] for value in info.values() if isinstance(value, dict))
    return next(nested, None)


def _notes(rule: Rule) -> str:
    return "\n\n".join([rule.reason, *(f"- {m.column}: {_name(m)}" for m in rule.members)])


def _result(rule: Rule, failed: Any) -> ExpectationResult:
    """A rule's verdict; `failed` is its result in the second pass, if it came that far."""
    is_success = failed is None or bool(failed.success)
    return ExpectationResult(
        expectation=_name(rule),
        column=rule.column,
        severity=rule.severity,
        success=is_success,
        reason=rule.reason,
        observed="" if is_success else _describe(failed),
    )


def _name(rule: Rule) -> str:
    details = {k: v for k, v in rule.arguments.items() if k not in ("column", "column_list")}
    text = ", ".join(f"{key}={value}" for key, value in details.items() if value is not None)
    return f"{rule.expectation}({text})"


def _describe(result: Any) -> str:
    details = dict(result.result)
    if "unexpected_count" in details:
        seen = str(details.get("partial_unexpected_list", []))[:300]
        return f"{details['unexpected_count']} of {details['element_count']} rows, such as {seen}"
    return f"observed {details.get('observed_value')}"
