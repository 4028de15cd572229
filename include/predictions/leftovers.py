"""Tables that attempts left behind which didn't live to clean up."""

import logging
from datetime import date

from sqlalchemy import Connection, Engine

from include.predictions.publications import table_name
from include.predictions.transition import Change, Day, transition

log = logging.getLogger(__name__)


def drop_leftovers(engine: Engine, day: date) -> list[str]:
    """Drop what attempts on a day left behind. Needs the day's lock: none of them is alive.

    Only what readers never saw goes: a version that was visible once may have to come back.

    Returns:
        The tables dropped.
    """
    dropped: list[str] = []

    def decide(_connection: Connection, found: Day) -> Change | None:
        dropped.clear()
        dead = [
            version
            for version in found.versions.values()
            if version.status == "rejected" and not version.was_visible
        ]
        for version in dead:
            if version.has_table:
                dropped.append(table_name(version.publication_id))
        if not dropped:
            return None
        return Change(
            visible=found.visible_id,
            drop=tuple(version.publication_id for version in dead),
        )

    transition(engine, day, decide)
    for name in dropped:
        log.info("dropped %s, which an attempt that was killed left behind", name)
    return dropped
