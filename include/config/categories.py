"""Words that tables have in place of a category of listings."""

NO_CATEGORY = "(none)"
"""Category of an event that is about no listing."""
UNKNOWN_CATEGORY = "(unknown)"
"""Category of an event whose listing was not known, or had no category, on its day of arrival."""
ANY_CATEGORY = "(any)"
"""Visits of the user whatever they were about."""
RESERVED = (NO_CATEGORY, UNKNOWN_CATEGORY, ANY_CATEGORY)
