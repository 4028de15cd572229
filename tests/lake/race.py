"""Publish days and ranges of the lake at once, late and twice, each perhaps killed.

    bin/python -m tests.lake.race [ROUNDS [SEED]]

Each round starts processes side by side: two attempts on a day, a zombie that publishes the receipt
of one of them, a load of history over its neighbours, and the next day. Each begins, reads what it
is made from, waits a little, stages and publishes; most kill themselves (SIGKILL) before a
statement drawn at random, to the warehouse or to the catalog. After each round every partition must
hold the rows of the attempt that the ledger names, once, a day's tables of one attempt, or the
ledger says that it is being replaced; and whatever isn't stale must have been made from the rows
that are there.
"""

import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from include.config import load_config
from include.contracts.lineage import Reads
from include.database.engine import engine
from include.days import Days
from include.errors import StaleError
from include.lake.ledger import partitions, stale_partitions
from include.lake.publish import lineage_of, publish
from include.lake.tables import Lake
from include.settings import Settings, settings
from tests.lake.attempts import DAILY, EVENTS, PAIRS, build, contracts, held
from tests.predictions.own_warehouse import own_warehouse

TABLES = (EVENTS, DAILY, PAIRS)
FIRST = date(2026, 3, 10)
SPAN = Days(FIRST - timedelta(days=5), FIRST + timedelta(days=40))
STATEMENTS = 120


def rows_of(attempt: int) -> list[int]:
    return [attempt * 10 + k for k in range(3)]


def lineage() -> tuple[Reads, ...]:
    return lineage_of(load_config(settings()))


def attempt(place: Settings, number: int, days: Days, seen: Path, pause_s: float) -> None:
    """One run: what it sees when it begins is written down, for the check afterwards."""
    lake = Lake(place)
    for contract in contracts().values():
        lake.create(contract)
    pins = {name: lake.pin(contract) for name, contract in contracts().items()}
    reads = {
        f"{one.table_name} {day}": _read(lake, one, day, pins[one.input_table].snapshot_id, days)
        for one in lineage() if one.table_name in TABLES and one.input_table in TABLES
        for day in days
    }  # fmt: skip
    (seen / f"{number}.json").write_text(json.dumps(reads), encoding="utf-8")
    time.sleep(pause_s)
    rows = {table: {day: rows_of(number) for day in days} for table in TABLES}
    numbers = {name: pin.number for name, pin in pins.items()}
    build(lake, f"run {number}", str(number), rows, numbers)
    publish("lake_days", f"run {number}")


def _read(lake: Lake, reads: Reads, day: date, snapshot_id: int | None, own: Days) -> Any:
    """What a partition is made from, but for what the attempt makes itself: by day."""
    contract = contracts()[reads.input_table]
    if snapshot_id is None:
        return {}
    found: dict[str, list[int]] = {}
    table = lake.arrow(contract, reads.reach(day, day), snapshot_id)
    for row in table.select(["user_id", contract.partition]).to_pylist():
        if row[contract.partition] not in own:
            found.setdefault(str(row[contract.partition]), []).append(row["user_id"])
    return {which: sorted(numbers) for which, numbers in found.items()}


def zombie(number: int) -> None:
    """Publish what another process is about to stage, as soon as it is staged."""
    for _ in range(200):
        with contextlib.suppress(Exception):
            publish("lake_days", f"run {number}")
            return
        time.sleep(0.01)


def _child(act: Callable[[], None], kill_at: int | None) -> None:
    engine.cache_clear()
    settings.cache_clear()
    if kill_at is not None:
        sent = 0

        def count(*_: Any) -> None:
            nonlocal sent
            sent += 1
            if sent == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", count)
    with contextlib.suppress(StaleError), contextlib.redirect_stdout(io.StringIO()):
        act()
    os._exit(0)


def problems(place: Settings, seen: Path) -> list[str]:
    """What doesn't hold together."""
    wrong = []
    lake = Lake(place)
    rows = {table: held(lake, table) for table in TABLES}
    with engine(place).connect() as connection:
        ledger = {table: partitions(connection, table, SPAN) for table in TABLES}
        stale = {(s.table_name, s.partition_date) for s in stale_partitions(connection, TABLES)}
    for day in SPAN:
        noted = {table: ledger[table].get(day) for table in TABLES}
        if any(row is not None and row.state != "committed" for row in noted.values()):
            continue
        attempts = {row.attempt if row else None for row in noted.values()}
        if len(attempts) > 1:
            wrong.append(f"{day} is of {attempts}")
        for table, row in noted.items():
            there = rows[table].get(day, [])
            if there != (rows_of(int(row.attempt)) if row else []):
                wrong.append(
                    f"{table} of {day} holds {there}, the ledger says {row and row.attempt}"
                )
            if row and (table, day) not in stale:
                wrong += _made_from_others(rows, ledger, table, day, seen / f"{row.attempt}.json")
    return wrong


def _made_from_others(rows: Any, ledger: Any, table: str, day: date, seen: Path) -> list[str]:
    saw = json.loads(seen.read_text(encoding="utf-8"))
    wrong = []
    for reads in lineage():
        if reads.table_name != table or reads.input_table not in TABLES:
            continue
        mine, inputs = ledger[table][day].attempt, ledger[reads.input_table]
        # What is being replaced isn't there for anybody; when it is, it makes this one stale.
        gone = {str(which) for which, row in inputs.items() if row.state != "committed"}
        now = {
            str(which): numbers
            for which, numbers in rows[reads.input_table].items()
            if which in reads.reach(day, day) and inputs[which].attempt != mine
        }
        had, has = (
            {which: numbers for which, numbers in found.items() if which not in gone}
            for found in (saw[f"{table} {day}"], now)
        )
        if had != has and reads.input_table != table:
            wrong.append(f"{table} of {day} saw {had} of {reads.input_table}: {has}")
    return wrong


def race(
    place: Settings, rounds: int, seed: int, seen: Path, say: Callable[[str], None] = print
) -> Counter[str]:
    """Run the rounds; the first thing that doesn't hold together raises."""
    draw = random.Random(seed)
    fork = multiprocessing.get_context("fork")
    ended: Counter[str] = Counter()
    number = 0
    for contract in contracts().values():  # set-up does, before anybody else is there
        Lake(place).create(contract)
    for turn in range(rounds):
        day = FIRST + timedelta(days=turn // 4)  # fresh at first, then there
        around = Days(day - timedelta(days=1), day + timedelta(days=1))
        following = day + timedelta(days=1)
        ranges: Sequence[Days] = (
            Days(day, day),
            Days(day, day),
            around,
            Days(following, following),
        )
        acts: list[Callable[[], None]] = []
        for days in ranges:
            number += 1
            pause = draw.random() * 0.3
            acts.append(lambda n=number, d=days, p=pause: attempt(place, n, d, seen, p))  # type: ignore[misc]
        acts.append(lambda n=number - 3: zombie(n))  # type: ignore[misc]
        kills = [draw.randrange(1, STATEMENTS) if draw.random() < 0.5 else None for _ in acts]
        engine(place).dispose()
        started = [
            fork.Process(target=_child, args=(act, kill_at))
            for act, kill_at in zip(acts, kills, strict=True)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join(120)
            if process.exitcode not in (0, -signal.SIGKILL):
                raise AssertionError(f"round {turn}: exit code {process.exitcode}")
            ended["killed" if process.exitcode else "done"] += 1
        if wrong := problems(place, seen):
            raise AssertionError(f"round {turn} (seed {seed}): {'; '.join(wrong)}")
        ended["rounds"] += 1
        if (turn + 1) % 10 == 0:
            say(f"{turn + 1} of {rounds} rounds, {ended['killed']} processes killed")
    return ended


def main(rounds: int, seed: int) -> None:
    with own_warehouse() as place:
        settings.cache_clear()
        seen = place.home / "seen"
        seen.mkdir()
        ended = race(place, rounds, seed, seen)
    print(
        f"{ended['rounds']} rounds, {ended['killed']} processes killed, {ended['done']} done, "
        "0 inconsistencies"
    )


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [100, 0][len(given) :]))
