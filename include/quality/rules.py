"""Rules: an expectation of Great Expectations, how bad a breach is, and why it should hold."""

from dataclasses import dataclass, field
from typing import Any

from include.contracts import Column, Table
from include.quality.verdict import Severity


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One expectation by its class name in Great Expectations, without importing it."""

    expectation: str
    reason: str
    arguments: dict[str, Any] = field(default_factory=dict)
    severity: Severity = "critical"
    expression: str = ""
    """SQL of DuckDB for the column that it is about, where the table has no such one."""
    distinct: tuple[str, ...] = ()
    """Columns whose distinct values are counted; the count becomes the argument `value`. It may be
    too low by chance, so such a rule has members that say the same."""
    members: tuple["Rule", ...] = ()
    """Rules that hold exactly if this one does. They are only looked at one by one if it fails: a
    feature table has 62, each of which would be a pass over its rows."""

    @property
    def column(self) -> str:
        """The column or columns that it is about; empty for the whole table."""
        names = self.arguments.get("column") or self.arguments.get("column_list") or ""
        return names if isinstance(names, str) else ", ".join(names)


def row_check(name: str, conditions: list[str], **rest: Any) -> Rule:
    """A rule that each row meets all conditions (SQL of DuckDB; null counts as not met)."""
    every = " and ".join(f"coalesce({condition}, false)" for condition in conditions)
    return Rule(
        expectation="ExpectColumnValuesToBeInSet",
        arguments={"column": name, "value_set": [True]},
        expression=every,
        **rest,
    )


def contract_rules(contract: Table) -> tuple[Rule, ...]:
    """What a contract says about every row: nulls, bounds, vocabularies, and its key."""
    members: list[Rule] = []
    conditions: list[str] = []
    for column in contract.columns:
        for rule, condition in _column_rules(column):
            members.append(rule)
            conditions.append(condition)
    found = [
        row_check(
            "row_meets_contract",
            conditions,
            members=tuple(members),
            reason=f"What the contract of {contract.name} says of each column.",
        )
    ]
    if contract.key:
        columns = [contract.partition, *contract.key]
        reason = f"Grain: {contract.grain}. A key twice would count twice downstream."
        unique = Rule(
            expectation="ExpectCompoundColumnsToBeUnique",
            arguments={"column_list": columns},
            reason=reason,
        )
        # As many rows as keys says the same without sorting all rows.
        found.append(
            Rule(
                expectation="ExpectTableRowCountToEqual",
                distinct=tuple(columns),
                reason=reason,
                members=(unique,),
            )
        )
    return tuple(found)


def _column_rules(column: Column) -> list[tuple[Rule, str]]:
    """Each rule of a column, with the same thing in SQL."""
    name, quoted = column.name, f'"{column.name}"'
    found: list[tuple[Rule, str]] = []
    if not column.nullable:
        rule = Rule(
            expectation="ExpectColumnValuesToNotBeNull",
            arguments={"column": name},
            reason="The contract says that it is always there.",
        )
        found.append((rule, f"{quoted} is not null"))
    if column.minimum is not None or column.maximum is not None:
        rule = Rule(
            expectation="ExpectColumnValuesToBeBetween",
            arguments={
                "column": name,
                "min_value": column.minimum,
                "max_value": column.maximum,
            },
            reason="Outside the contract's bounds it can't mean what it says.",
        )
        # NaN is larger than every number in DuckDB, so an upper bound refuses it too.
        bounds = [f"{quoted} >= {column.minimum}"] if column.minimum is not None else []
        bounds += [f"{quoted} <= {column.maximum}"] if column.maximum is not None else []
        found.append((rule, f"({quoted} is null or ({' and '.join(bounds)}))"))
    if column.values:
        rule = Rule(
            expectation="ExpectColumnValuesToBeInSet",
            arguments={"column": name, "value_set": list(column.values)},
            reason="The contract lists the values there are.",
        )
        listed = ", ".join(f"'{value}'" for value in column.values)
        found.append((rule, f"({quoted} is null or {quoted} in ({listed}))"))
    return found
