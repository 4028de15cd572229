"""Contracts of the `core` tables: what arrived, checked."""

from include.config.categories import NO_CATEGORY, UNKNOWN_CATEGORY
from include.contracts.model import Column, Table

MAX_VALUE = 1_000_000_000
"""A larger `value` is a mistake, and sums of a few thousand of them would not fit 64 bits."""

INGEST_DATE = Column(
    name="ingest_date",
    type="date",
    description="Day of arrival in the landing zone.",
)
EVENT_ID = Column(name="event_id", type="string", description="Name of the event, from its source.")
USER_ID = Column(name="user_id", type="long", description="The user.", minimum=0)
LISTING_ID = Column(name="listing_id", type="long", description="The listing.", minimum=0)
CATEGORY = Column(name="category", type="string", description="Category of the listing.")


def events(event_types: tuple[str, ...]) -> Table:
    """`core.events` for a vocabulary."""
    return Table(
        name="core.events",
        grain="one valid event",
        partition="ingest_date",
        key=("event_id",),
        columns=(
            EVENT_ID,
            Column(
                name="occurred_at",
                type="timestamp",
                description="When it happened.",
                unit="UTC",
            ),
            USER_ID,
            Column(
                name="listing_id",
                type="long",
                description="The listing, or null for types that are about none.",
                nullable=True,
                minimum=0,
            ),
            Column(
                name="event_type",
                type="string",
                description="What happened.",
                source="events.yaml",
                values=event_types,
            ),
            Column(
                name="value",
                type="double",
                description="What it was worth, if anything.",
                unit="the source's",
                nullable=True,
                minimum=-MAX_VALUE,
                maximum=MAX_VALUE,
            ),
            Column(
                name="category",
                type="string",
                description="Category of the listing as known at the end of the day of arrival; "
                f"`{UNKNOWN_CATEGORY}` if it wasn't, `{NO_CATEGORY}` without a listing.",
                source="core.listings",
            ),
            INGEST_DATE,
        ),
    )


REJECTED_EVENTS = Table(
    name="core.rejected_events",
    grain="one refused row, raw, with every reason",
    partition="ingest_date",
    key=(),
    columns=(
        Column(
            name="raw",
            type="string",
            description="The row as it came, as JSON; one that contradicts another as it was "
            "understood: numbers as numbers, times in UTC.",
        ),
        Column(name="reasons", type="strings", description="Every reason for the refusal."),
        Column(
            name="source_file",
            type="string",
            description="The file it came in, below the landing zone.",
        ),
        INGEST_DATE,
    ),
)

REJECTED_DIMENSIONS = Table(
    name="core.rejected_dimensions",
    grain="one refused row of users or listings, with every reason",
    partition="ingest_date",
    key=(),
    columns=(
        Column(
            name="source_table",
            type="string",
            description="Where it landed.",
            values=("listings", "users"),
        ),
        Column(
            name="raw",
            type="string",
            description="The row as it came, as JSON, without contact data.",
        ),
        *REJECTED_EVENTS.columns[1:],
    ),
)

LISTINGS = Table(
    name="core.listings",
    grain="one listing that arrived on that day, as known at the day's end",
    partition="ingest_date",
    key=("listing_id",),
    columns=(
        LISTING_ID,
        Column(name="category", type="string", description="Category.", nullable=True),
        Column(name="title", type="string", description="Title.", nullable=True),
        Column(
            name="price",
            type="double",
            description="Asking price.",
            unit="the source's currency",
            nullable=True,
            minimum=0,
        ),
        INGEST_DATE,
    ),
)

USERS = Table(
    name="core.users",
    grain="one user who arrived or changed on that day; no contact data",
    partition="ingest_date",
    key=("user_id",),
    columns=(
        USER_ID,
        Column(
            name="registered_at",
            type="timestamp",
            description="When they registered.",
            unit="UTC",
        ),
        INGEST_DATE,
    ),
)

ERASED_USERS = Table(
    name="core.erased_users",
    grain="one user who asked to be erased",
    partition="erased_date",
    key=("user_id",),
    columns=(
        USER_ID,
        Column(
            name="erased_date",
            type="date",
            description="Day of the request (UTC). Rows of this user never enter the lake again.",
        ),
    ),
)
