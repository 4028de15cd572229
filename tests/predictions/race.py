"""Publish two days, rerun, revert and erase at once, in random order, each perhaps killed.

    bin/python -m tests.predictions.race [ROUNDS [SEED]]

Each round starts five processes side by side. Most of them kill themselves (SIGKILL) before a
statement that was drawn at random, so between any two statements of what they do. After the round,
before anybody tidies up, what readers see must hold together; then the erasures are finished, and
nobody who was erased may be left anywhere. Every tenth round ends with retention: else each would
have more versions to look at than the one before.
"""

import contextlib
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event

from include.audience.warehouse_erasure import begin, erase_predictions
from include.config import load_config
from include.database.address import database_url
from include.database.engine import engine
from include.errors import PublishError
from include.predictions import transition as transitions
from include.predictions.checks import loaded_checksum
from include.predictions.retention import drop_superseded
from include.predictions.revert import revert
from include.settings import Settings
from tests.predictions.own_warehouse import own_warehouse
from tests.predictions.score_rows import DAY, go, query, scores

USERS = 40
STATEMENTS = 60
"""What a publication sends, about: a kill is drawn among so many, and some come too late."""
DAYS = (DAY, DAY + timedelta(days=1))


SHOWN_ONCE = (
    "select publication_id, row_count, checksum, "
    "to_regclass('predictions.publication_' || publication_id) is not null "
    "from predictions.publications where published_at is not null"
)
TABLES_OF_ALL = (
    "select relname from pg_class where relkind = 'r' "
    "and relnamespace = 'predictions'::regnamespace "
    "and relname ~ '^(publication|loading)_[0-9]+$'"
)


def _publish(place: Settings, number: int, day_number: int) -> None:
    what = scores(DAYS[day_number], users=USERS, version=str(number), replaces_revert=True)
    go(place, what)


def _rerun(place: Settings, number: int) -> None:
    go(place, scores(DAYS[0], users=USERS, version=str(max(1, number - 1)), replaces_revert=True))


def _revert(place: Settings, number: int) -> None:
    revert(engine(place), DAYS[number % 2], None, "race", f"round {number}")


def erase(place: Settings, user: int) -> None:
    with engine(place).begin() as connection:
        begin(connection, user, "race")
    erase_predictions(engine(place), user)


def _child(place: Settings, act: Callable[[], None], kill_at: int | None) -> None:
    # A session of the parent's is no child's.
    engine.cache_clear()
    transitions.LOCK_PAUSE_S = transitions.LOCK_PAUSE_MAX_S = 0.05
    if kill_at is not None:
        sent = 0

        def count(*_: Any) -> None:
            nonlocal sent
            sent += 1
            if sent == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        own = engine(place)
        event.listen(own, "before_cursor_execute", count)
        # The statement that ends a transaction is no cursor's.
        event.listen(own, "commit", count)
    with contextlib.suppress(PublishError):  # refused with a sentence: nothing to bring back, say
        act()
    os._exit(0)


def problems(place: Settings, dropped: Collection[int] = ()) -> list[str]:
    """What doesn't hold together, as readers and the books have it.

    Args:
        place: The installation.
        dropped: Publications whose tables retention dropped.
    """
    wrong = []
    newest = query(place, "select max(score_date) from predictions.publications "
                   "where status = 'published'")[0][0]  # fmt: skip
    shown = [day for (day,) in query(place, "select distinct score_date from "
                                     "predictions.latest_campaign_propensity")]  # fmt: skip
    if shown != ([newest] if newest else []):
        wrong.append(f"the view shows {shown}, the newest published day is {newest}")
    attached = query(place, "select c.relname from pg_inherits i join pg_class c on c.oid = "
                     "i.inhrelid where i.inhparent = 'predictions.campaign_propensity'::regclass "
                     "order by 1")  # fmt: skip
    published = query(place, "select 'publication_' || publication_id from "
                      "predictions.publications where status = 'published' order by 1")  # fmt: skip
    if attached != published:
        wrong.append(f"{attached} are attached, {published} are published")
    uri = database_url(place, "warehouse")
    for number, rows, checksum, is_there in query(place, SHOWN_ONCE):
        if number in dropped:
            if is_there:
                wrong.append(f"publication {number} was dropped and is there")
            continue
        if not is_there:
            wrong.append(f"publication {number} was visible and has no table")
            continue
        ((count,),) = query(place, f"select count(*) from predictions.publication_{number}")
        if (count, loaded_checksum(uri, number)) != (rows, checksum):
            wrong.append(f"publication {number} has {count} rows, its record says {rows}")
    audience = query(place, "select distinct score_date from marketing.campaign_audience",
                     "marketing")  # fmt: skip
    if not {day for (day,) in audience} <= {newest}:
        wrong.append(f"the audience is of {audience}, the newest published day is {newest}")
    return wrong


def leftovers_of(place: Settings, user: int) -> list[str]:
    """Tables of predictions that still hold a user's rows."""
    tables = query(place, TABLES_OF_ALL)
    return [
        name
        for (name,) in tables
        if query(place, f"select count(*) from predictions.{name} where user_id = {user}") != [(0,)]
    ]


def race(
    place: Settings, rounds: int, seed: int = 0, say: Callable[[str], None] = print
) -> Counter[str]:
    """Run the rounds; the first thing that doesn't hold together raises.

    Returns:
        How many processes ended well, were killed, and how many rounds there were.
    """
    draw = random.Random(seed)
    retention = load_config(place).warehouse.retention
    in_a_year = datetime.now(UTC) + timedelta(days=400)
    _publish(place, 1, 0)
    engine(place).dispose()
    fork = multiprocessing.get_context("fork")
    ended: Counter[str] = Counter()
    erased: list[int] = []
    dropped: set[int] = set()
    for number in range(2, rounds + 2):
        user = draw.randrange(1, USERS)
        acts: list[Callable[[], None]] = [
            lambda n=number: _publish(place, n, 0),  # type: ignore[misc]
            lambda n=number: _publish(place, n, 1),  # type: ignore[misc]
            lambda n=number: _rerun(place, n),  # type: ignore[misc]
            lambda n=number: _revert(place, n),  # type: ignore[misc]
            lambda u=user: erase(place, u),  # type: ignore[misc]
        ]
        draw.shuffle(acts)
        kills = [draw.randrange(1, STATEMENTS) if draw.random() < 0.7 else None for _ in acts]
        started = [
            fork.Process(target=_child, args=(place, act, kill_at))
            for act, kill_at in zip(acts, kills, strict=True)
        ]
        for process in started:
            process.start()
            time.sleep(draw.random() * 0.02)
        for process in started:
            process.join(60)
            if process.is_alive():
                raise AssertionError(f"round {number}: a process waits for ever")
            if process.exitcode not in (0, -signal.SIGKILL):
                raise AssertionError(f"round {number}: exit code {process.exitcode}")
            ended["killed" if process.exitcode else "done"] += 1
        if wrong := problems(place, dropped):
            raise AssertionError(f"round {number} (seed {seed}): {'; '.join(wrong)}")
        erase(place, user)
        erased.append(user)
        for gone in erased[-3:]:
            if left := leftovers_of(place, gone):
                raise AssertionError(f"round {number}: user {gone} is left in {left}")
        if number % 10 == 0:
            dropped |= set(drop_superseded(engine(place), retention, in_a_year))
        if wrong := problems(place, dropped):
            raise AssertionError(f"round {number}, user {user} erased: {'; '.join(wrong)}")
        ended["rounds"] += 1
        if number % 20 == 0:
            say(f"{number - 1} of {rounds} rounds, {ended['killed']} processes killed")
        # Users come back as new ones would: with all of them erased, nothing would be published.
        query(place, "delete from pii.erasures", "admin")
        erased.clear()
        engine(place).dispose()
    return ended


def main(rounds: int, seed: int) -> None:
    with own_warehouse() as place:
        ended = race(place, rounds, seed)
    print(
        f"{ended['rounds']} rounds, {ended['killed']} processes killed, {ended['done']} done, "
        "0 inconsistencies"
    )


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [200, 0][len(given) :]))
