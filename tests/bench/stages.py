"""The stages that run jobs of the lake, for a market whose dimensions are published."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from include.config import load_config
from include.contracts.lineage import FEATURES
from include.settings import settings
from tests.bench.harness import Outcome, Side, Stage
from tests.bench.jobs import Job
from tests.bench.market import DAY, Market
from tests.bench.place import BENCH
from tests.bench.planted import Planted
from tests.bench.yardstick import OUT, Yardstick
from tests.bench.yardsticks.work import Work

EVENTS = ("core.events", "core.rejected_events")
DAILY = "features.user_category_daily"
LAKE_JOBS = ("dimensions", "events", "daily_activity", "features")
NOTHING_LANDED = BENCH / "landing" / "none"

Files = Mapping[str, Sequence[str]]
"""URIs of the files of lake tables that are published."""


def events_stage(market: Market, form: str, published: Files) -> Stage:
    """Landed events to `core.events` and `core.rejected_events`.

    Args:
        market: Whose events.
        form: `parquet`, or `json`; `spark`: Parquet, with Apache Spark as our engine.
        published: With `core.listings`.
    """
    landing = market.json_landing if form == "json" else market.landing
    asked = work_of(
        form="json" if form == "json" else "parquet",
        landed=tuple(market.events(landing)),
        listings=paths(published["core.listings"]),
        max_lateness_days=load_config(settings()).events.max_lateness_days,
    )
    sides = [
        _side("duckdb", Yardstick("events_duckdb", asked, EVENTS)),
        _side("textbook", Yardstick("events_textbook", asked, EVENTS, is_spark=True)),
        _side("read_and_write", Yardstick("read_and_write", asked, (), is_spark=True)),
    ]
    # What only reads and writes is measured beside the other engine, once.
    wanted = sides[:2] if form == "spark" else sides
    return Stage(events_name(market.size, form), _ours(market, "events", form), tuple(wanted))


def events_name(size: str, form: str) -> str:
    """How a stage of events is called."""
    return f"events_{size}" + ("" if form == "parquet" else f"_{form}")


def activity_stage(market: Market, published: Files) -> Stage:
    """The day's `core.events`, which are published, to `features.user_category_daily`."""
    asked = work_of(rows=paths(published["core.events"]))
    return Stage(
        f"activity_{market.size}",
        _ours(market, "daily_activity"),
        (_side("duckdb", Yardstick("activity_duckdb", asked, (DAILY,))),),
    )


def features_stage(market: Market, published: Files) -> Stage:
    """The published `features.user_category_daily` to the tables of features."""
    asked = work_of(rows=paths(published[DAILY]), campaigns=str(settings().campaigns))
    return Stage(
        f"features_{market.size}",
        _ours(market, "features"),
        (_side("duckdb", Yardstick("features_duckdb", asked, FEATURES)),),
    )


def night_stage(market: Market) -> Stage:
    """All of a day's tables in one application, beside a process for each of the four jobs.

    What each job reads of another must be published.
    """
    jobs = [Job(name, market.landing) for name in LAKE_JOBS]

    def one_by_one() -> Outcome:
        ran = [job.measure() for job in jobs]
        return Outcome(
            duration_s=sum(one.duration_s for one in ran),
            outputs={table: digest for one in ran for table, digest in one.outputs.items()},
            peak_rss_bytes=max(one.peak_rss_bytes or 0 for one in ran),
        )

    return Stage(
        f"night_{market.size}", _ours(market, "lake_days"), (Side("its_stages", one_by_one),)
    )


def examples_stage(planted: Planted, published: Files) -> Stage:
    """Features and reactions to `training.examples`."""
    asked = work_of(
        tables={table: paths(files) for table, files in published.items()},
        days=tuple(f"{day}" for day in planted.days),
        campaigns=str(planted.campaigns_path),
        negative_share=load_config(settings()).experiments.negative_share,
    )
    return Stage(
        f"examples_{planted.campaigns}",
        Side("ours", Job("examples", NOTHING_LANDED, planted.campaigns_path).measure),
        (_side("duckdb", Yardstick("examples_duckdb", asked, ("training.examples",))),),
    )


def work_of(**given: Any) -> Work:
    """What a yardstick is asked to do on the benches' day."""
    events = load_config(settings()).events.names
    return Work(out=str(OUT), day=f"{DAY}", event_types=events, **given)


def _ours(market: Market, job: str, form: str = "parquet") -> Side:
    landing = market.json_landing if form == "json" else market.landing
    asked = Job(job, landing)
    return Side("ours", (replace(asked, engine="spark") if form == "spark" else asked).measure)


def _side(name: str, yardstick: Yardstick) -> Side:
    return Side(name, yardstick.measure)


def paths(uris: Sequence[str]) -> tuple[str, ...]:
    """Paths of local files."""
    return tuple(uri.removeprefix("file://") for uri in uris)
