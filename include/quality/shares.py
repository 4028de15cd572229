"""Shares of a day's landed rows: one bad row is refused by itself, too many of them stop the day.

What a row says is judged by the other rules. These judge how the rows of a day were accounted for,
against bounds in `quality.yaml` and against the days before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from include.config.quality import Share, Shares
from include.quality.accounting import Accounting
from include.quality.verdict import ExpectationResult

ENOUGH_DAYS = 7
"""Fewer days before say nothing about what is usual."""


@dataclass(frozen=True)
class Kind:
    """A kind of rows whose share is judged."""

    name: str
    reason: str
    tables: tuple[str, ...]
    """Landing tables of which it is judged."""
    counted: Callable[[Accounting], int | None]
    of: Callable[[Accounting], int]


def _new(day: Accounting) -> int:
    return day.landed - day.erased


KINDS = (
    Kind(
        "rejected",
        "A row that is refused is a mistake in it; where many are, the sender or the contract is.",
        ("events", "users", "listings"),
        lambda day: day.rejected,
        _new,
    ),
    Kind(
        "duplicate",
        "Retries are few: a day that mostly repeats itself, or another day, was sent by mistake.",
        ("events",),
        lambda day: day.duplicate,
        _new,
    ),
    Kind(
        "unknown_category",
        "Listings that arrive late, or not at all, leave events that count for no campaign.",
        ("events",),
        lambda day: day.unknown_category,
        lambda day: day.accepted,
    ),
    Kind(
        "late",
        "What arrives a day later was missing in features and labels until then.",
        ("events",),
        lambda day: day.late,
        lambda day: day.accepted,
    ),
)


def judge_shares(
    table: str, days: Sequence[Accounting], before: Sequence[Accounting], bounds: Shares
) -> list[ExpectationResult]:
    """Whether the shares of some days are within the bounds, one verdict a kind of rows.

    Args:
        table: Landing table.
        days: Its accounting of the days that are judged, at most one a day.
        before: Its accounting of days before, for what is usual; days among `days` are left out.
        bounds: `quality.yaml`'s.

    Returns:
        Critical verdicts; `observed` names each day that is out of bounds, with figures.

    Example:
        >>> from datetime import date
        >>> day = Accounting(table="users", ingest_date=date(2026, 3, 10), landed=200, accepted=120,
        ...                  rejected=80, duplicate=0)
        >>> share = Share(at_most=0.3, times_usual=20)
        >>> bounds = Shares(rejected=share, duplicate=share, unknown_category=share, late=share,
        ...                 usual_days=28, usual_at_least=0.1, min_rows=100)
        >>> [verdict] = judge_shares("users", [day], [], bounds)
        >>> verdict.success, verdict.observed
        (False, '2026-03-10: 80 of 200 rows (40.0 %), more than 30.0 %')
    """
    judged = {day.ingest_date for day in days}
    known = sorted(
        [*days, *(day for day in before if day.ingest_date not in judged)],
        key=lambda day: day.ingest_date,
    )
    return [
        _judge(kind, getattr(bounds, kind.name), days, known, bounds)
        for kind in KINDS
        if table in kind.tables
    ]


def _judge(
    kind: Kind,
    share: Share,
    days: Sequence[Accounting],
    known: Sequence[Accounting],
    bounds: Shares,
) -> ExpectationResult:
    problems = [
        f"{day.ingest_date}: {problem}"
        for day in sorted(days, key=lambda day: day.ingest_date)
        if (problem := _problem(kind, share, day, known, bounds))
    ]
    return ExpectationResult(
        expectation=f"ShareToBeAtMost({share.at_most}, {share.times_usual} times the usual)",
        column=f"share of {kind.name} rows",
        severity="critical",
        success=not problems,
        reason=f"{kind.reason} Bounds: quality.yaml, shares.{kind.name}",
        observed="; ".join(problems),
    )


def _problem(
    kind: Kind, share: Share, day: Accounting, known: Sequence[Accounting], bounds: Shares
) -> str:
    count, total = kind.counted(day), kind.of(day)
    if not count:
        return ""
    seen = f"{count} of {total} rows ({_percent(count / total)})"
    if kind.name == "rejected" and count == total:
        return f"{seen}: there is no good one"
    if _new(day) < bounds.min_rows:
        return ""
    if count / total > share.at_most:
        return f"{seen}, more than {_percent(share.at_most)}"
    first = day.ingest_date - timedelta(days=bounds.usual_days)
    shares = [
        (kind.counted(other) or 0) / kind.of(other)
        for other in known
        if first <= other.ingest_date < day.ingest_date
        and kind.counted(other) is not None
        and _new(other) >= bounds.min_rows
        and kind.of(other)
    ]
    if len(shares) < ENOUGH_DAYS:
        return ""
    usual = median(shares)
    if count / total > max(bounds.usual_at_least, share.times_usual * usual):
        return f"{seen}, usually {_percent(usual)}"
    return ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
