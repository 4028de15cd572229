"""One lock for whoever replaces partitions: a row that only `pipeline` may lock."""

from collections.abc import Iterator
from contextlib import contextmanager

from include.database.engine import engine
from include.database.row_locks import held
from include.database.tables.lake import LakeLock
from include.settings import Settings

PUBLISH = "publish"
WAIT_MS = 900_000
"""Others need seconds for a day, minutes for a year."""


@contextmanager
def publishing(settings: Settings) -> Iterator[None]:
    """Keep other publications of lake tables out, whatever their days.

    Raises:
        DBAPIError: Another one took longer than `WAIT_MS`.
    """
    with held(engine(settings), LakeLock, PUBLISH, WAIT_MS):
        yield
