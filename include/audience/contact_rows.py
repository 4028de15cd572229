"""What a landed row says about a user's contact data, or every reason why it is refused."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from include.days import FIRST_AT, LAST_AT, day_of
from include.landing.rows import LandedRow

CONSENT = frozenset({"true", "t", "1", "yes"})
"""Spellings that give consent, whatever their case; anything else gives none."""

MAX_LENGTHS = {"email": 320, "phone": 64, "full_name": 1_000}
"""In characters. An e-mail address has 64 + 1 + 255 at most (RFC 5321)."""

MAX_USER_ID = 2**63 - 1

# Spark reads `registered_at` by the same pattern.
_ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(Z|[+-]\d\d:?\d\d))?)?", re.ASCII
)
# NUL and lone surrogates can't be stored; a line break in an address smuggles in mail headers.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One landed row: contact data of a user or, where `reasons` has any, nothing but its user."""

    user_id: int | None
    email: str | None = None
    phone: str | None = None
    full_name: str | None = None
    gives_consent: bool = False
    updated_at: datetime | None = None
    reasons: list[str] = field(default_factory=list)


def parse(row: LandedRow, day: date, time_zone: str = "UTC") -> ContactRow:
    """Read one row that arrived on `day`.

    The content of a refused row is left out here already: only its user (where that can be told),
    its time and whether it gives consent go on.
    """
    values = row.values
    if values is None:
        return ContactRow(_user_id(row.told_user), reasons=["malformed_record"])
    reasons: list[str] = []
    user_id = _user_id(given := values.get("user_id"))
    if user_id is None:
        reasons.append("missing_user_id" if given is None or given == "" else "invalid_user_id")
    texts: dict[str, str | None] = {}
    for name, longest in MAX_LENGTHS.items():
        value = values.get(name)
        if value is None or value == "":
            texts[name] = None
        elif not isinstance(value, str) or _UNFIT.search(value):
            reasons.append(f"invalid_{name}")
        elif len(value) > longest:
            reasons.append(f"too_long_{name}")
        else:
            texts[name] = value
    updated_at = None
    if (given := values.get("updated_at")) is not None and given != "":
        updated_at = _time(given)
        if updated_at is None or not FIRST_AT <= updated_at <= LAST_AT:
            reasons.append("invalid_updated_at")
            updated_at = None
        elif day_of(updated_at, time_zone) > day:
            reasons.append("updated_in_future")
            updated_at = None
    gives_consent = _gives_consent(values.get("marketing_consent"))
    if reasons:
        return ContactRow(
            user_id, gives_consent=gives_consent, updated_at=updated_at, reasons=reasons
        )
    return ContactRow(
        user_id, texts["email"], texts["phone"], texts["full_name"], gives_consent, updated_at
    )


def _user_id(value: Any) -> int | None:
    """A whole number that isn't negative and fits 64 bits, or its digits; None if it isn't one."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    digits = str(value)
    if len(digits) > 19 or not digits.isascii() or not digits.isdigit():
        return None
    number = int(digits)
    return number if number <= MAX_USER_ID else None


def _gives_consent(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return isinstance(value, int | str) and str(value).strip().lower() in CONSENT


def _time(value: Any) -> datetime | None:
    """A point in time: ISO 8601, UTC unless it says otherwise; None if it isn't one."""
    try:
        if isinstance(value, datetime):
            when = value
        elif isinstance(value, date):
            when = datetime(value.year, value.month, value.day, tzinfo=UTC)
        elif isinstance(value, str) and _ISO_8601.fullmatch(value):
            when = datetime.fromisoformat(value[:11] + value[11:].replace(" ", ""))
        else:
            return None
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
