"""Where the days of this warehouse end."""

from sqlalchemy import Connection, select

from include.database.tables.predictions import ServiceLevel


def other_zone(connection: Connection, time_zone: str) -> str | None:
    """The time zone of the warehouse's days, where it is another one; None before set-up, too."""
    known: str | None = connection.scalar(select(ServiceLevel.time_zone))
    return None if known == time_zone else known
