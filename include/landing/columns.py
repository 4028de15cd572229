"""The contract of landed files: columns that are read, and those that a file must have.

`docs/landing.md` says it to the people who write them.
"""

EVENTS_LANDING = (
    "event_id",
    "occurred_at",
    "user_id",
    "listing_id",
    "event_type",
    "value",
)
EVENTS_REQUIRED = ("event_id", "occurred_at", "user_id", "listing_id", "event_type")
"""Columns that a file must have; `value` may be left out where no event has one."""
LISTINGS_LANDING = ("listing_id", "category", "title", "price", "updated_at")
LISTINGS_REQUIRED = ("listing_id", "category")
USERS_LANDING = (
    "user_id",
    "registered_at",
    "email",
    "phone",
    "full_name",
    "marketing_consent",
    "updated_at",
)
USERS_REQUIRED = ("user_id", "registered_at")
CONTACT_COLUMNS = ("email", "phone", "full_name", "marketing_consent")
"""Go to the warehouse's schema `pii` only, never into the lake."""
CONTACTS_LANDING = ("user_id", *CONTACT_COLUMNS, "updated_at")
CONTACTS_REQUIRED = ("user_id",)
KNOWN_COLUMNS = frozenset({*EVENTS_LANDING, *LISTINGS_LANDING, *USERS_LANDING})
"""Names that may be shown; what else stands where a header should be may be somebody's address."""
