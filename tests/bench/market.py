"""Made-up traffic of a size, landed once: as Parquet, and the events as gzipped JSON lines too.

It is left under `.local/bench/landing` and used again where the same arguments made it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb

from include.days import Days
from include.landing.sources import synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import SUCCESS, Landing
from tests.bench.place import BENCH, remove

DAY = date(2026, 3, 10)
"""The one data day of every market."""
MADE = "arguments.json"


@dataclass(frozen=True)
class Market:
    """A day of traffic."""

    size: str
    """Such as `2m`, for 2 million events a day."""
    traffic: Traffic

    @property
    def folder(self) -> Path:
        """Of what landed."""
        return BENCH / "landing" / self.size

    @property
    def landing(self) -> Path:
        """The landing zone with Parquet files."""
        return self.folder / "parquet"

    @property
    def json_landing(self) -> Path:
        """The landing zone whose events are gzipped JSON lines; it has nothing else."""
        return self.folder / "json"

    def events(self, landing: Path) -> list[str]:
        """Paths of the day's event files in one of the two."""
        uris = Landing(str(landing)).files("events", DAY)
        return [uri.removeprefix("file://") for uri in uris]


def _market(size: str, events_per_day: int, users: int, listings: int, **skew: float) -> Market:
    return Market(
        size,
        Traffic(
            users=users,
            listings=listings,
            events_per_day=events_per_day,
            **{"duplicate_share": 0.01, "late_share": 0.02, "malformed_share": 0.001, **skew},
        ),
    )


MARKETS = {
    market.size: market
    for market in (
        _market("200k", 200_000, 10_000, 4_000),
        _market("2m", 2_000_000, 100_000, 40_000),
        _market("20m", 20_000_000, 1_000_000, 400_000),
        _market(
            "20mskewed",
            20_000_000,
            1_000_000,
            400_000,
            malformed_share=0.3,
            busiest_user_share=0.05,
            busiest_listing_share=0.1,
        ),
        _market("100m", 100_000_000, 5_000_000, 2_000_000),
    )
}


def land(market: Market, *, as_json: bool) -> None:
    """Make sure that a market's day has landed."""
    if not _is_made(market.landing, market):
        remove(market.folder)
        synthetic.land(Landing(str(market.landing)), market.traffic, Days(DAY, DAY))
        _note(market.landing, market)
    if as_json and not _is_made(market.json_landing, market):
        remove(market.json_landing)
        _land_json(market)
        _note(market.json_landing, market)


def _land_json(market: Market) -> None:
    with (
        Landing(str(market.json_landing)).write_day("events", DAY) as writer,
        duckdb.connect() as database,
    ):
        database.execute("set TimeZone = 'UTC'")
        for number, path in enumerate(market.events(market.landing)):
            rows = database.read_parquet(path).project(
                "* replace (strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') as occurred_at)"
            )
            to = f"{writer.path}/part-{number:05d}.jsonl.gz"
            database.sql(f"copy rows to '{to}' (format json, compression gzip)")
            print(f"[land] {market.size}: {Path(to).name} ({len(rows):,} events)", flush=True)


def _arguments(market: Market) -> str:
    source = hashlib.sha256(Path(synthetic.__file__).read_bytes()).hexdigest()
    return json.dumps({"day": f"{DAY}", "source": source, **asdict(market.traffic)})


def _is_made(landing: Path, market: Market) -> bool:
    note = landing / MADE
    return note.exists() and note.read_text(encoding="utf-8") == _arguments(market)


def _note(landing: Path, market: Market) -> None:
    assert list(landing.glob(f"events/date={DAY}/{SUCCESS}")), "the day isn't complete"
    (landing / MADE).write_text(_arguments(market), encoding="utf-8")
