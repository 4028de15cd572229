"""Publish version 2 of a day and kill this very process (SIGKILL) at a given point.

python tests/predictions/killed_publisher.py POINT
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pyarrow as pa

from include.predictions import loading, publish, transition
from include.settings import settings
from tests.predictions.score_rows import go, scores

USERS = 2_000


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def before_step(name: str) -> Callable[[], None]:
    def arrange() -> None:
        publish.STEPS = tuple(
            die if step.__name__ == f"_{name}" else step for step in publish.STEPS
        )

    return arrange


def while_copying() -> None:
    """In the COPY, after its table was made and rows were sent."""
    write = psycopg.Copy.write

    def write_and_die(self: Any, block: Any) -> None:
        write(self, block)
        if self.cursor._query and b"freeze" in self.cursor._query.query:
            die()

    psycopg.Copy.write = write_and_die  # type: ignore[method-assign]


def after(module: Any, name: str) -> Callable[[], None]:
    """Once a function of a step did its work, within the step's transaction."""

    def arrange() -> None:
        done = getattr(module, name)
        setattr(module, name, lambda *args, **named: (done(*args, **named), die()))

    return arrange


def once_it_was_visible() -> None:
    """After the commit, before anybody heard of it."""
    done = publish.transition

    def change_and_die(*args: Any) -> Any:
        changed = done(*args)
        if changed is not None:
            die()
        return changed

    publish.transition = change_and_die


POINTS: dict[str, Callable[[], None]] = {
    **{f"before {name}": before_step(name) for name in ("begin", "load", "check", "show")},
    "while loading": lambda: None,  # see main
    "while copying": while_copying,
    "copied, not committed": after(loading, "_copy"),
    "indexed, not committed": after(loading, "index"),
    "recorded, not exchanged": after(transition, "_set_state"),
    "all but the commit": after(transition, "_exchange"),
    "after the commit": once_it_was_visible,
}


def main(point: str) -> None:
    what = scores(users=USERS, version="2")
    if point == "while loading":
        calls = 0
        batches = what.batches

        def second_time_deadly() -> Iterator[pa.RecordBatch]:
            nonlocal calls
            calls += 1
            for number, batch in enumerate(batches()):
                if calls == 2 and number == 3:
                    die()
                yield batch

        what = replace(what, batches=second_time_deadly)
    POINTS[point]()
    go(settings(), what)


if __name__ == "__main__":
    main(sys.argv[1])
