"""What was known of users and listings by the end of a Sunday, so that nobody reads all arrivals.

Made from `core.users` and `core.listings`, and nothing but a shorter way to read them. A partition
is in the lake only as long as it says what they say: who replaces an arrival takes the later ones
away (`include/lake/publish.py`), and readers go back to an earlier one, or to all arrivals.
"""

from datetime import date, timedelta

from include.contracts.core import LISTING_ID, LISTINGS, USERS
from include.contracts.model import Column, Table
from include.days import Days

AS_OF_DATE = Column(
    name="as_of_date",
    type="date",
    description="As known at the end of this day: a Sunday.",
)
EACH_DAYS = 7

KNOWN_LISTINGS = Table(
    name="core.known_listings",
    grain="one listing that had arrived by the end of that day",
    partition=AS_OF_DATE.name,
    key=("listing_id",),
    columns=(LISTING_ID, LISTINGS.column("category"), AS_OF_DATE),
)
KNOWN_USERS = Table(
    name="core.known_users",
    grain="one user who had arrived by the end of that day",
    partition=AS_OF_DATE.name,
    key=("user_id",),
    columns=(*USERS.columns[:-1], AS_OF_DATE),
)
KNOWN = {LISTINGS.name: KNOWN_LISTINGS, USERS.name: KNOWN_USERS}
"""By the table of arrivals that it is made from."""


def known_day(days: Days) -> date | None:
    """The last day of a range of which a partition is made; None: the range has no Sunday.

    Example:
        >>> print(known_day(Days(date(2026, 3, 1), date(2026, 3, 31))))
        2026-03-29
        >>> print(known_day(Days(date(2026, 3, 30), date(2026, 4, 1))))
        None
    """
    last = days.last - timedelta(days=days.last.toordinal() % EACH_DAYS)
    return last if last in days else None
