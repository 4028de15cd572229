"""A night's three tasks on whatever has landed, and what the lake holds after them."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date

from include.config import PipelineConfig, load_config
from include.config.categories import ANY_CATEGORY
from include.contracts import lake_tables
from include.contracts.core import LISTINGS, USERS
from include.contracts.known import DAILY_ACTIVITY, KNOWN, KNOWN_VISITS
from include.contracts.visits import WORDS, definition
from include.days import Days
from include.lake.checksum import rows_checksum
from include.lake.gate import gate
from include.lake.publish import publish
from include.lake.tables import Lake
from include.settings import Settings
from spark_jobs import lake_days
from spark_jobs.job import run_job


def steps(days: Days, run: str) -> dict[str, Callable[[], object]]:
    """The tasks in order, as Airflow retries them: each by itself."""
    arguments = ["--from-day", f"{days.first}", "--to-day", f"{days.last}", "--run", run]
    return {
        "build": lambda: run_job("lake_days", lake_days.BUILDS, arguments),
        "gate": lambda: gate("lake_days", run),
        "publish": lambda: publish("lake_days", run),
    }


def night(days: Days, run: str) -> None:
    """All of them."""
    for step in steps(days, run).values():
        step()


def checksums(chosen: Settings, days: Days | None = None) -> dict[str, tuple[int, str]]:
    """Rows and checksum of every table, but of those that are only a shorter way to read others.

    Which days of those there are depends on what was built when; what they say must be so.
    """
    lake, shorter = Lake(chosen), {contract.name for contract in KNOWN.values()}
    found = {}
    for name, contract in lake_tables(load_config(chosen).events.names).items():
        lake.create(contract)
        if name not in shorter:
            rows = lake.arrow(contract, days)
            found[name] = (rows.num_rows, rows_checksum(rows))
    for name in (USERS.name, LISTINGS.name):
        contract = KNOWN[name]
        arrivals = lake.arrow(lake_tables(())[name]).sort_by("ingest_date").to_pylist()
        for day in lake.days(contract):
            said = lake.arrow(contract, Days(day, day)).to_pylist()
            expected = {}
            for row in arrivals:
                if row["ingest_date"] <= day:
                    kept = {key: row[key] for key in contract.column_names[:-1]}
                    expected[row[contract.key[0]]] = kept | {contract.partition: day}
            by_key = {row[contract.key[0]]: row for row in said}
            assert len(said) == len(by_key)
            assert by_key == expected, f"{contract.name} of {day}"
    for day in lake.days(KNOWN_VISITS):
        rows = lake.arrow(KNOWN_VISITS, Days(day, day)).to_pylist()
        said = {(row["user_id"], row["category"]): [row[name] for name in WORDS] for row in rows}
        assert len(said) == len(rows)
        # Campaigns may have come since, and other types may make a visit: then nobody reads it.
        categories, config = {category for _, category in said}, load_config(chosen)
        if {row["definition"] for row in rows} == {definition(config.events.visit_names)}:
            expected = visits_by(lake, config, day, categories)
            assert said == expected, f"{KNOWN_VISITS.name} of {day}"
    return found


def visits_by(
    lake: Lake, config: PipelineConfig, day: date, categories: set[str]
) -> dict[tuple[int, str], list[int]]:
    """What `features.known_visits` of a day must say, by user and category, read aloud."""
    contract = lake_tables(config.events.names)[DAILY_ACTIVITY]
    rings: dict[tuple[int, str], int] = defaultdict(int)
    for row in lake.arrow(contract).to_pylist():
        is_visit = any(row[f"{kind}_count"] for kind in config.events.visit_names)
        if is_visit and row["ingest_date"] <= day and 0 <= (day - row["event_date"]).days < 366:
            bit = 1 << ((row["event_date"] - date(1970, 1, 1)).days % 366)
            for category in {ANY_CATEGORY, row["category"]} & categories:
                rings[row["user_id"], category] |= bit
    return {
        key: [ring >> (61 * number) & ((1 << 61) - 1) for number in range(6)]
        for key, ring in rings.items()
    }
