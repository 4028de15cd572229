"""Codes by which Postgres tells errors apart; its messages are translated, these are not."""

from sqlalchemy.exc import DBAPIError, OperationalError

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"
UNDEFINED_TABLE = "42P01"
QUERY_CANCELED = "57014"
CONNECTION_LOST = ("08", "57P")
"""SQLSTATEs that begin so: the connection broke, or the server is being restarted."""


def is_away(error: DBAPIError) -> bool:
    """Whether the server can't be reached or went away: what was asked may be done or not."""
    state = sqlstate(error)
    # Who can't even connect is told so by libpq, without a code.
    return state.startswith(CONNECTION_LOST) or (isinstance(error, OperationalError) and not state)


def sqlstate(error: DBAPIError) -> str:
    """Postgres's code of an error; empty where the server said none."""
    return str(getattr(error.orig, "sqlstate", None) or "")
