"""What was known by the end of a Sunday, so that nobody reads all arrivals: shortcuts.

Of users and listings, made from `core.users` and `core.listings`, and of the days of visits, made
from `features.user_category_daily`: nothing but a shorter way to read them. A partition is in the
lake only as long as it says what they say: who replaces an arrival takes the later ones away
(`include/lake/publish.py`), and readers go back to an earlier one, or to all arrivals.
"""

from datetime import date, timedelta

from include.config.categories import ANY_CATEGORY
from include.contracts.core import CATEGORY, LISTING_ID, LISTINGS, USER_ID, USERS
from include.contracts.model import Column, Table
from include.contracts.visits import DEFINITION, WORDS
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
DAILY_ACTIVITY = "features.user_category_daily"
LOOKED_AT = Column(
    name="categories",
    type="string",
    description="Categories that were looked at, visited or not; JSON, the same in all rows.",
    source="campaigns.yaml",
)
KNOWN_VISITS = Table(
    name="features.known_visits",
    grain=f"user × category of a campaign, or `{ANY_CATEGORY}`, with a visit in a year",
    partition=AS_OF_DATE.name,
    key=("user_id", "category"),
    columns=(
        USER_ID,
        CATEGORY,
        *(
            Column(
                name=name,
                type="long",
                unit="bits",
                minimum=0,
                description="Days with a visit, 61 of 366: the place of a day is its number since "
                "1970-01-01 modulo 366, from the lowest bit of the first of these columns on.",
            )
            for name in WORDS
        ),
        DEFINITION,
        LOOKED_AT,
        AS_OF_DATE,
    ),
)
KNOWN = {
    LISTINGS.name: KNOWN_LISTINGS,
    USERS.name: KNOWN_USERS,
    DAILY_ACTIVITY: KNOWN_VISITS,
}
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
