"""`analytics.stale_partitions` against a plain reading of its rule, on ledgers drawn at random."""

import json
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from sqlalchemy import text

from include.contracts.lineage import Reads
from include.database.engine import engine
from include.lake.ledger import store_lineage
from include.settings import Settings

START = date(2026, 3, 10)
DAYS = [START + timedelta(days=n) for n in range(6)]
LINEAGE = (
    Reads("events", "events", -2, -1),
    Reads("events", "listings", None),
    Reads("daily", "events"),
    Reads("pairs", "daily", -3),
    Reads("examples", "daily", 0, 2),
)
TABLES = ("listings", "events", "daily", "pairs", "examples")

Ledger = dict[tuple[str, date], tuple[int, dict[str, int]]]
"""Partition → when its rows changed, and how far it knows each of its inputs."""

numbers = st.integers(0, 4)
ledgers = st.dictionaries(
    st.tuples(st.sampled_from(TABLES), st.sampled_from(DAYS)),
    st.tuples(numbers, st.dictionaries(st.sampled_from(TABLES), numbers)),
    max_size=20,
)


def plainly(ledger: Ledger) -> set[tuple[str, date]]:
    """Stale: an input within reach changed after what it knows of, or is stale."""
    stale: set[tuple[str, date]] = set()
    while True:
        more = {
            (table, day)
            for (table, day), (_, knows) in ledger.items()
            for reads in LINEAGE
            if reads.table_name == table
            for (other, changed), (number, _) in ledger.items()
            if other == reads.input_table and changed in reads.reach(day, day)
            if number > knows.get(other, 0) or (other, changed) in stale
        }
        if more <= stale:
            return stale
        stale |= more


def in_sql(place: Settings, ledger: Ledger) -> list[Any]:
    with engine(place).begin() as connection:
        connection.execute(text("delete from analytics.lake_partitions"))
        store_lineage(connection, LINEAGE)
        for (table, day), (number, knows) in ledger.items():
            connection.execute(
                text("insert into analytics.lake_partitions values "
                     "(:table, :day, 1, 1, 'a', 'c', '{}', now(), 'committed', :number, :knows)"),
                {"table": table, "day": day, "number": number, "knows": json.dumps(knows)},
            )  # fmt: skip
        return connection.execute(text("select * from analytics.stale_partitions")).all()


def test_it_finds_what_a_plain_reading_finds(place: Settings) -> None:
    @tries(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(ledgers)
    def same(ledger: Ledger) -> None:
        found = in_sql(place, ledger)
        assert {(row.table_name, row.partition_date) for row in found} == plainly(ledger)
        assert len(found) == len({(row.table_name, row.partition_date) for row in found})
        for row in found:
            reach = next(r.reach(row.partition_date, row.partition_date) for r in LINEAGE
                         if (r.table_name, r.input_table) == (row.table_name, row.because_table)
                         )  # fmt: skip
            assert row.because_date in reach
            assert (row.because_table, row.because_date) in ledger

    same()


def test_one_corrected_day_by_hand(place: Settings) -> None:
    """Listings of the 2nd day changed (5); what was built before knows of 3."""
    ledger: Ledger = {("listings", DAYS[1]): (5, {})}
    for n in (0, 1, 2):
        ledger["events", DAYS[n]] = (2, {"listings": 3, "events": 3})
        ledger["daily", DAYS[n]] = (2, {"events": 3})
    ledger["events", DAYS[2]] = (6, {"listings": 5, "events": 5})  # built again since
    found = {(r.table_name, r.partition_date): (r.because_table, r.because_date)
             for r in in_sql(place, ledger)}  # fmt: skip
    assert found == {
        ("events", DAYS[1]): ("listings", DAYS[1]),
        ("daily", DAYS[1]): ("events", DAYS[1]),
        ("events", DAYS[2]): ("events", DAYS[1]),  # which will change, or so it must be assumed
        ("daily", DAYS[2]): ("events", DAYS[2]),
    }


def test_an_empty_ledger(place: Settings) -> None:
    assert in_sql(place, {}) == []
