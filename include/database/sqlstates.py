"""Codes by which Postgres tells errors apart; its messages are translated, these are not."""

from sqlalchemy.exc import DBAPIError

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"
UNDEFINED_TABLE = "42P01"
CONNECTION_LOST = ("08", "57P")
"""SQLSTATEs that begin so: the connection broke, or the server is being restarted."""


def sqlstate(error: DBAPIError) -> str:
    """Postgres's code of an error; empty where the server said none."""
    return str(getattr(error.orig, "sqlstate", None) or "")
