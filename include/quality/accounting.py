"""Where the landed rows of a table and a day went."""

from datetime import date

from include.quality.verdict import Record


class Accounting(Record):
    """Where the landed rows of a table and a day went.

    landed = accepted + rejected + duplicate + erased. The rest is about accepted events, and null
    of other tables.
    """

    table: str
    ingest_date: date
    landed: int
    accepted: int
    rejected: int
    duplicate: int
    erased: int = 0
    late: int | None = None
    """They happened on a day before the one of their arrival."""
    unknown_category: int | None = None
    """Their listing wasn't known, or had no category."""
    unknown_user: int | None = None
    """Their user hadn't landed by the day's end: such users aren't scored."""
