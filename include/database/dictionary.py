"""Write the data dictionary from the contracts: `python -m include.database.dictionary FILE`."""

import argparse
import sys
from pathlib import Path

from include.config import load_config
from include.contracts import Table, lake_tables
from include.settings import settings


def render(tables: dict[str, Table]) -> str:
    """The data dictionary as Markdown."""
    parts = [
        "# Data dictionary",
        "",
        "Generated from `include/contracts/` by `make docs`; columns that name an event type "
        "follow `include/config/events.yaml`. The tables of the warehouse (`predictions`, "
        "`analytics`, `pii`) carry "
        "their descriptions as comments in the database (`\\d+`).",
    ]
    for table in tables.values():
        key = ", ".join(f"`{name}`" for name in table.key) or "none"
        parts += [
            "",
            f"## {table.name}",
            "",
            f"Grain: {table.grain}. Key: {key} within a partition. Partition: `{table.partition}`.",
            "",
            "| column | type | unit | null | meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        parts += [
            f"| `{c.name}` | {c.type} | {c.unit} | {'yes' if c.nullable else ''} | "
            f"{c.description}{f' From {c.source}.' if c.source else ''} |"
            for c in table.columns
        ]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write the file, or with `--check` fail where it isn't what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = render(lake_tables(load_config(settings()).events.names))
    if not arguments.check:
        arguments.file.write_text(text, encoding="utf-8")
    elif not arguments.file.exists() or arguments.file.read_text(encoding="utf-8") != text:
        sys.exit(f"{arguments.file} does not follow from the contracts: run 'make docs'")


if __name__ == "__main__":
    main()
