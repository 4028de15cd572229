"""Contracts: one definition, the same columns in every schema, no contact data in the lake."""

import re

from include.contracts import Table, lake_tables
from include.database.dictionary import render
from include.landing.columns import CONTACT_COLUMNS

TABLES = {
    "core.events",
    "core.rejected_events",
    "core.rejected_dimensions",
    "core.listings",
    "core.users",
    "core.known_listings",
    "core.known_users",
    "core.erased_users",
    "features.user_category_daily",
    "features.known_visits",
    "features.user_category",
    "features.user",
    "features.category",
    "features.user_category_visits",
    "features.user_visits",
    "features.campaign_category",
    "training.examples",
    "scores.campaign_propensity",
}


def test_the_tables_are_these(tables: dict[str, Table]) -> None:
    assert set(tables) == TABLES


def test_every_schema_has_the_same_columns(tables: dict[str, Table]) -> None:
    for table in tables.values():
        names = list(table.column_names)
        assert table.spark_schema().fieldNames() == names
        assert table.arrow_schema().names == names
        assert [field.name for field in table.iceberg_schema().fields] == names


def test_partition_and_key_are_columns(tables: dict[str, Table]) -> None:
    for table in tables.values():
        assert {table.partition, *table.key} <= set(table.column_names)
        assert table.column(table.partition).type == "date"


def test_no_table_of_the_lake_holds_contact_data(tables: dict[str, Table]) -> None:
    for table in tables.values():
        assert not set(CONTACT_COLUMNS) & set(table.column_names), table.name


def test_the_vocabulary_becomes_columns() -> None:
    names = lake_tables(("view", "favourite"))["features.user_category"].column_names
    assert "favourite_count_28d" in names
    assert "purchase_count_28d" not in names


def test_the_dictionary_names_every_column(tables: dict[str, Table]) -> None:
    text = render(tables, ("view", "buy"))
    for table in tables.values():
        section = text.split(f"| **{table.name}** |")[1].split("| **")[0]
        for name in table.column_names:
            spelt = {re.escape(name), *(
                re.escape(name).replace(kind, "<type>") for kind in ("view", "buy")
            )}  # fmt: skip
            # Numbers of days share a row: `_<1\\|7\\|28\\|84>d`.
            one_of = r"_<(\\d+\\\\\\|)*\1(\\\\\\|\\d+)*>d"
            spelt |= {re.sub(r"_(\d+)d$", one_of, form) for form in spelt}
            assert any(re.search(rf"\| `{form}` \|", section) for form in spelt), name
