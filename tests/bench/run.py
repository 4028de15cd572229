"""How fast: the stages beside their yardsticks, in turns; `make bench` calls this.

    bin/python -m tests.bench.run [--stages "events_2m activity"] [--repeat 3] [--large]

docs/performance.md says what the stages are. Exit code 1: a side failed, or outputs differ.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from include.settings import PROJECT
from tests.bench import place
from tests.bench.dag_parsing import dag_parsing_stage
from tests.bench.harness import BenchError, Comparison, measure
from tests.bench.jobs import Job
from tests.bench.market import DAY, MARKETS, Market, land
from tests.bench.planted import Planted, snapshot_dates
from tests.bench.report import PATH, save, table
from tests.bench.scoring import publishing_stage, scoring_stages
from tests.bench.stages import (
    activity_stage,
    events_name,
    events_stage,
    examples_stage,
    features_stage,
    night_stage,
)

PLANTED = (
    "examples_8", "examples_200", "scores_1m", "publishing_1m", "scores_10m", "publishing_10m",
)  # fmt: skip
"""Stages that begin with features."""
USUAL = (
    "events_2m", "events_2m_json", "activity_2m", "features_2m", "events_20m", "events_20m_spark",
    "night_20m",
    "examples_8", "examples_200", "scores_10m", "publishing_10m", "dags",
    "night_sample", "training", "consumer_queries", "waiting_reader",
)  # fmt: skip
LARGE = ("events_100m", "events_100m_spark")
ALONE = ("night_sample", "training", "consumer_queries", "waiting_reader")
"""Modules beside this one that make and print all of theirs themselves."""
REPEATED = ("night_sample", "training")
FORMS = ("parquet", "json", "spark")
"""What events come as, or the engine that isn't the embedded one."""
LAKE = ("events", "activity", "features", "night")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", default="", help="with spaces between; default: all that fit")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="100 million events")
    arguments = parser.parse_args()
    stages = names(arguments.stages) or list(LARGE if arguments.large else USUAL)
    if unknown := [name for name in stages if name not in known()]:
        parser.error(f"no stage {', '.join(unknown)}; there are: {', '.join(known())}")
    started = time.monotonic()
    found: list[Comparison] = []
    failed = []
    callers = dict(os.environ)
    place.use_own_settings()
    # As Ctrl-C does: what was started here ends with it, Postgres included.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: terminated"))
    try:
        for comparisons in measured(stages, arguments.repeat):
            save(comparisons)
            found += comparisons
    finally:
        place.stop()
    for module in (name for name in ALONE if name in stages):
        print(f"\n== {module}", flush=True)
        more = ["--repeat", f"{arguments.repeat}"] if module in REPEATED else []
        command = [sys.executable, "-m", f"tests.bench.{module}", *more]
        if subprocess.run(command, cwd=PROJECT, env=callers, check=False).returncode:
            failed.append(module)
    print(f"\n{table(found)}\n\n{time.monotonic() - started:.0f} s in all; ratios are in {PATH}")
    failed += [f"{one.stage} beside {one.yardstick}" for one in found if one.problem]
    if failed:
        sys.exit(f"error: no ratio of {', '.join(failed)}")


def names(given: str) -> list[str]:
    """Names of stages as they are meant: one without a size is of 2 million events."""
    return [f"{name}_2m" if name in LAKE else name for name in given.split()]


def known() -> list[str]:
    """All stages that there are."""
    return [
        *(f"{kind}_{size}" for size in MARKETS for kind in LAKE),
        *(events_name(size, form) for size in MARKETS for form in FORMS[1:]),
        *PLANTED,
        "dags",
        *ALONE,
    ]


def measured(stages: list[str], repeat: int) -> Iterator[list[Comparison]]:
    """Measure the stages whose ratios are taken here, a market after the other."""
    for size, market in MARKETS.items():
        of_size = [name for name in stages if size in name.split("_")[1:]]
        if of_size:
            with _one(of_size) as problems:
                yield from _of_market(market, of_size, repeat)
            yield problems
    for number in (8, 200):
        name = f"examples_{number}"
        if name in stages:
            users = 250_000 if number == 8 else 20_000
            with _one([name]) as problems:
                planted = Planted(users, number, snapshot_dates(2), has_reactions=True)
                yield measure(examples_stage(planted, _plant(planted)), repeat)
            yield problems
    for size, users in {"1m": 125_000, "10m": 1_250_000}.items():
        names = [name for name in (f"scores_{size}", f"publishing_{size}") if name in stages]
        if names:
            with _one(names) as problems:
                yield from _of_scores(Planted(users, 8, (DAY,)), size, names, repeat)
            yield problems
    if "dags" in stages:
        print("\n== parsing of DAGs", flush=True)
        yield measure(dag_parsing_stage(), repeat)


def _of_market(market: Market, stages: list[str], repeat: int) -> Iterator[list[Comparison]]:
    size = market.size
    print(f"\n== {market.traffic.events_per_day:,} events", flush=True)
    land(market, as_json=f"events_{size}_json" in stages)
    place.empty_installation()
    published = Job("dimensions", market.landing).publish()
    for form in FORMS:
        if events_name(size, form) in stages:
            yield measure(events_stage(market, form, published), repeat)
    if {f"activity_{size}", f"features_{size}", f"night_{size}"} & {*stages}:
        published |= Job("events", market.landing).publish()
    if f"activity_{size}" in stages:
        yield measure(activity_stage(market, published), repeat)
    if {f"features_{size}", f"night_{size}"} & {*stages}:
        published |= Job("daily_activity", market.landing).publish()
    if f"features_{size}" in stages:
        yield measure(features_stage(market, published), repeat)
    if f"night_{size}" in stages:
        yield measure(night_stage(market), repeat)


def _plant(planted: Planted) -> dict[str, tuple[str, ...]]:
    print(f"\n== {planted.users:,} users, {planted.campaigns} campaigns", flush=True)
    place.empty_installation()
    return planted.plant()


def _of_scores(
    planted: Planted, size: str, names: list[str], repeat: int
) -> Iterator[list[Comparison]]:
    stage, job = scoring_stages(planted, _plant(planted), size)
    if stage.name in names:
        yield measure(stage, repeat)
    if f"publishing_{size}" in names:
        yield measure(publishing_stage(job, size), repeat)


@contextmanager
def _one(stages: list[str]) -> Iterator[list[Comparison]]:
    """Let the next market be measured where the inputs of this one can't be made."""
    problems: list[Comparison] = []
    try:
        yield problems
    except BenchError as error:
        print(f"[bench] {error}", flush=True)
        problems += [Comparison(name, "any", problem=f"{error}") for name in stages]


if __name__ == "__main__":
    main()
