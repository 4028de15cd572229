"""Contracts of what is known of visits: days on which a user did something, up to a year back.

A user's mails are no visits: what was done to them (`is_exposure` in `events.yaml`) is left out.

Days are kept as bits of a ring: the place of a day is its number since 1970 modulo `RING_DAYS`. So
what was known by a day and what arrived since are put together by `or`, in any order, with the same
result, and take the same space however long history is.
"""

from collections.abc import Iterable
from datetime import date

from include.contracts.core import CATEGORY, USER_ID
from include.contracts.features import FEATURE_DATE
from include.contracts.model import Column, Table

RING_DAYS = 366
"""Days that are remembered, the feature date included: ages 0 to 365."""
WORD_BITS = 61
"""Of a long: below its sign, and six of them make the ring."""
WORDS = tuple(f"days_{number}" for number in range(RING_DAYS // WORD_BITS))
VISIT_WINDOWS_DAYS = (168, 365)
HALF_LIVES_DAYS = (7, 30, 90, 240)
"""A week to eight months: things that are bought weekly, and things that last a season."""
HORIZONS_DAYS = (7, 28)
ACTIVE_WINDOWS_DAYS = (7, 28, 84)


VERSION = 1
"""Raised when the same events come to make other visits, or other features of them."""
DEFINITION = Column(
    name="definition",
    type="string",
    description="What a visit was when this was made: the version of the rules, and the types of "
    "events that make one. What was made by another one is made again.",
    source="events.yaml",
)


def definition(visit_types: Iterable[str]) -> str:
    """What the column `definition` says, of the types of events that make a visit.

    Example:
        >>> definition(["view", "buy"])
        '1: buy, view'
    """
    return f"{VERSION}: {', '.join(sorted(visit_types))}"


def half_life_name(days: int) -> str:
    """Name of the column that counts visits, each halved every so many days."""
    return f"visits_half_life_{days}d"


def _days_since(which: str) -> Column:
    return Column(
        name=f"days_since_{which.replace(' ', '_')}visit",
        type="int",
        unit="days",
        nullable=bool(which),
        minimum=0,
        maximum=RING_DAYS - 1,
        description=f"Days since the {which or 'last '}visit; 0 is the feature date itself"
        + ("; null: there were fewer in a year." if which else "."),
    )


VISITS = (
    _days_since(""),
    _days_since("second last "),
    _days_since("third last "),
    *(
        Column(
            name=f"visits_{days}d",
            type="int",
            unit="days",
            minimum=0,
            maximum=days,
            description=f"Visits in the last {days} days.",
        )
        for days in VISIT_WINDOWS_DAYS
    ),
    *(
        Column(
            name=half_life_name(days),
            type="double",
            unit="days",
            minimum=0,
            maximum=RING_DAYS,
            description=f"Visits in a year, each weighted 0.5 ^ (age / {days} days).",
        )
        for days in HALF_LIVES_DAYS
    ),
    Column(
        name="visit_gaps",
        type="int",
        unit="gaps",
        minimum=0,
        maximum=RING_DAYS - 1,
        description="Gaps between one visit and the next within a year.",
    ),
    Column(
        name="last_visit_gap_days",
        type="int",
        unit="days",
        nullable=True,
        minimum=1,
        maximum=RING_DAYS - 1,
        description="Days from the second last visit to the last; null: no gaps.",
    ),
    Column(
        name="mean_visit_gap_days",
        type="double",
        unit="days",
        nullable=True,
        minimum=1,
        maximum=RING_DAYS - 1,
        description="Mean of the gaps; null: no gaps.",
    ),
    Column(
        name="visit_gap_deviation_days",
        type="double",
        unit="days",
        nullable=True,
        minimum=0,
        maximum=RING_DAYS,
        description="Standard deviation of the gaps; null: no gaps.",
    ),
    Column(
        name="days_since_visit_by_mean_gap",
        type="double",
        unit="gaps",
        nullable=True,
        minimum=0,
        maximum=RING_DAYS,
        description="Days since the last visit as a multiple of the mean gap: above 1, the next "
        "one is overdue; null: no gaps.",
    ),
    Column(
        name="longer_visit_gaps",
        type="int",
        unit="gaps",
        minimum=0,
        maximum=RING_DAYS - 1,
        description="Gaps that were longer than the days since the last visit.",
    ),
    *(
        Column(
            name=f"visit_hazard_{days}d",
            type="double",
            unit="0-1",
            nullable=True,
            minimum=0,
            maximum=1,
            description="Of the gaps that lasted longer than it is now since the last visit, the "
            f"share that ended within {days} days more; null: there were none.",
        )
        for days in HORIZONS_DAYS
    ),
)
"""What visits of a user, or of a user in a category, say by the end of a day."""

USER_VISITS_SINCE = Column(
    name="user_visits_since_visit",
    type="int",
    unit="days",
    minimum=0,
    maximum=RING_DAYS - 1,
    description="Visits of the user, whatever about, since their last one in the category.",
)

USER_CATEGORY_VISITS = Table(
    name="features.user_category_visits",
    grain="user × category of a campaign with a visit in a year",
    partition=FEATURE_DATE.name,
    key=("user_id", "category"),
    columns=(USER_ID, CATEGORY, *VISITS, USER_VISITS_SINCE, FEATURE_DATE),
)
USER_VISITS = Table(
    name="features.user_visits",
    grain="user with a visit in a year",
    partition=FEATURE_DATE.name,
    key=("user_id",),
    columns=(USER_ID, *VISITS, FEATURE_DATE),
)
CAMPAIGN_CATEGORY = Table(
    name="features.campaign_category",
    grain="category of a campaign, visited or not",
    partition=FEATURE_DATE.name,
    key=("category",),
    columns=(
        CATEGORY,
        *(
            Column(
                name=f"visitors_{days}d",
                type="long",
                unit="users",
                minimum=0,
                description=f"Users with a visit in the category in the last {days} days.",
            )
            for days in ACTIVE_WINDOWS_DAYS
        ),
        Column(
            name="users",
            type="long",
            unit="users",
            minimum=0,
            description="Users with a visit in a year, whatever about.",
        ),
        DEFINITION,
        FEATURE_DATE,
    ),
)
"""A row a category whose visits were counted on that date: of another one, nothing is known."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def kept_words(known_by: date, day: date) -> tuple[int, ...]:
    """Which bits of what was known by a day still say something by a later one: `and` with these.

    Days after `known_by` take over the places of days that are by then too long ago.

    Example:
        A day later, one place is needed for the new day:

        >>> kept = kept_words(date(2026, 3, 1), date(2026, 3, 2))
        >>> sum(word.bit_count() for word in kept)
        365
        >>> sum(word.bit_count() for word in kept_words(date(2024, 3, 1), date(2026, 3, 2)))
        0
    """
    first, last = day_number(known_by) + 1, day_number(day)
    taken = {number % RING_DAYS for number in range(max(first, last - RING_DAYS + 1), last + 1)}
    return tuple(
        sum(1 << bit for bit in range(WORD_BITS) if word * WORD_BITS + bit not in taken)
        for word in range(len(WORDS))
    )
