"""Contracts of the `features` tables, and the names of their columns."""

from include.contracts.core import CATEGORY, INGEST_DATE, USER_ID
from include.contracts.model import Column, Table

WINDOWS_DAYS = (1, 7, 28, 84)
"""A day, a week, four weeks, a season; whole weeks, so that each holds every weekday alike."""
LONGEST_WINDOW_DAYS = WINDOWS_DAYS[-1]
DECAY_DAYS = 30
"""An event counts 1/e after this many days in the decayed counts."""

FEATURE_DATE = Column(
    name="feature_date",
    type="date",
    description="The features are as of the end of this day: of rows that happened and arrived "
    "until then.",
)


def count_name(event_type: str, days: int) -> str:
    """Name of the column that counts events of a type in a window of days."""
    return f"{event_type}_count_{days}d"


def decayed_name(event_type: str) -> str:
    """Name of the column with the exponentially decayed count of a type."""
    return f"{event_type}_decayed_{DECAY_DAYS}d"


def _counts(event_types: tuple[str, ...], whose: str) -> list[Column]:
    return [
        Column(
            name=count_name(kind, days),
            type="long",
            unit="events",
            minimum=0,
            before=0,
            description=f"{whose} events of type `{kind}` in the last {days} days.",
        )
        for kind in event_types
        for days in WINDOWS_DAYS
    ]


def _activity(whose: str) -> list[Column]:
    sums = [
        Column(
            name=f"value_sum_{days}d",
            type="double",
            unit="the source's",
            description=f"Sum of `value` of {whose} events in the last {days} days.",
        )
        for days in WINDOWS_DAYS
    ]
    active = [
        Column(
            name=f"active_days_{days}d",
            type="int",
            unit="days",
            minimum=0,
            maximum=days,
            description=f"Days with {whose} events in the last {days} days.",
        )
        for days in WINDOWS_DAYS
    ]
    last = Column(
        name="days_since_last",
        type="int",
        unit="days",
        minimum=0,
        maximum=LONGEST_WINDOW_DAYS - 1,
        description=f"Days since {whose} last event; 0 is the feature date itself.",
    )
    return [*sums, *active, last]


def _decayed(event_types: tuple[str, ...]) -> list[Column]:
    return [
        Column(
            name=decayed_name(kind),
            type="double",
            unit="events",
            minimum=0,
            before=0,
            description=f"Events of type `{kind}` in the last {LONGEST_WINDOW_DAYS} days, each "
            f"weighted exp(-age / {DECAY_DAYS} days).",
        )
        for kind in event_types
    ]


def user_category_daily(event_types: tuple[str, ...]) -> Table:
    """`features.user_category_daily` for a vocabulary."""
    return Table(
        name="features.user_category_daily",
        grain="user × category × day of event × day of arrival",
        partition="ingest_date",
        key=("user_id", "category", "event_date"),
        columns=(
            USER_ID,
            CATEGORY,
            Column(name="event_date", type="date", description="Day it happened."),
            *(
                Column(
                    name=f"{kind}_count",
                    type="long",
                    unit="events",
                    minimum=0,
                    before=0,
                    description=f"Events of type `{kind}`.",
                )
                for kind in event_types
            ),
            Column(
                name="value_sum",
                type="double",
                unit="the source's",
                description="Sum of `value`, exact to 1e-4.",
            ),
            Column(
                name="last_occurred_at",
                type="timestamp",
                unit="UTC",
                description="The latest of these events.",
            ),
            INGEST_DATE,
        ),
    )


def user_category(event_types: tuple[str, ...]) -> Table:
    """`features.user_category` for a vocabulary."""
    return Table(
        name="features.user_category",
        grain="user × category with an event in the longest window",
        partition="feature_date",
        key=("user_id", "category"),
        columns=(
            USER_ID,
            CATEGORY,
            *_counts(event_types, "the user's"),
            *_decayed(event_types),
            *_activity("the user's"),
            FEATURE_DATE,
        ),
    )


def user(event_types: tuple[str, ...]) -> Table:
    """`features.user` for a vocabulary."""
    return Table(
        name="features.user",
        grain="user with an event in the longest window",
        partition="feature_date",
        key=("user_id",),
        columns=(
            USER_ID,
            *_counts(event_types, "the user's"),
            *_activity("the user's"),
            Column(
                name="categories_84d",
                type="long",
                unit="categories",
                minimum=0,
                description="Categories in which the user was active in the last 84 days.",
            ),
            FEATURE_DATE,
        ),
    )


def category(event_types: tuple[str, ...]) -> Table:
    """`features.category` for a vocabulary."""
    return Table(
        name="features.category",
        grain="category with an event in the longest window",
        partition="feature_date",
        key=("category",),
        columns=(
            CATEGORY,
            *_counts(event_types, "all users'"),
            *(
                Column(
                    name=f"active_users_{days}d",
                    type="long",
                    unit="users",
                    minimum=0,
                    description=f"Users with an event in the last {days} days.",
                )
                for days in WINDOWS_DAYS
            ),
            FEATURE_DATE,
        ),
    )
