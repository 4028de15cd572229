"""Did mailing work? Users who were to be mailed beside control users who would have been.

By *intention to treat*: `marketing.reserve_audience` writes down both arms of everyone it could
reach, in the transaction that reserves (`analytics.campaign_cohorts`). From then on nobody joins,
leaves or changes arms: not by having no address, by not being mailed, by a late record, by a day
that is withdrawn. What is left to do here is to count reactions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, text
from statsmodels.stats.proportion import confint_proportions_2indep

from include.contracts.propensity import ARMS
from include.database.tables.audience import (
    CampaignCohort,
    CampaignContact,
    CampaignUplift,
    Erasure,
)
from include.database.upsert import upsert

CONFIDENCE = 0.95
LOCK_WAIT_MS = 60_000
"""How long a team may keep its campaign locked before it is measured with another day."""

_COMPLETE = text(
    """
    select r.reservation_id, r.campaign_id, r.send_date, r.publication_id, r.horizon_days,
      r.category, r.positive_event_types, r.treatment_users, r.control_users
    from predictions.audience_reservations r
    where r.send_date + r.horizon_days - 1 <= :day
      and r.publication_id is not null and r.given_back_at is null
      and not exists (
        select from analytics.campaign_uplift u where u.reservation_id = r.reservation_id
      )
    order by r.send_date, r.reservation_id
    """
)

_COUNT = text(
    """
    select c.arm, count(*) as users, count(r.user_id) as positives
    from analytics.campaign_cohorts c
      left join (select distinct user_id from pg_temp.reacted) r using (user_id)
    where c.reservation_id = :reservation
    group by c.arm
    """
)

_MAILED = text(
    """
    select count(*) from predictions.campaign_contacts
    where reservation_id = :reservation and confirmed_at is not null
    """
)

_GIVEN_BACK = text(
    "select given_back_at is not null from predictions.audience_reservations "
    "where reservation_id = :reservation"
)


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Users reserved for a campaign's mail on a day, and those of control beside them."""

    reservation_id: int
    campaign_id: str
    send_date: date
    publication_id: int
    horizon_days: int
    category: str
    positive_event_types: tuple[str, ...]
    treatment_users: int
    """In treatment when the cohort was frozen."""
    control_users: int
    """In control when the cohort was frozen."""

    @property
    def last_day(self) -> date:
        """The last day on which a reaction counts."""
        return self.send_date + timedelta(days=self.horizon_days - 1)


def unmeasured(connection: Connection, day: date) -> list[Reservation]:
    """Reservations whose window is over with a day and that were never measured; oldest first."""
    return [
        Reservation(**row | {"positive_event_types": tuple(row["positive_event_types"].split(","))})
        for row in map(dict, connection.execute(_COMPLETE, {"day": day}).mappings())
    ]


def leave_out_erased(connection: Connection) -> int:
    """Take users out who were erased while a reservation of theirs was not yet committed.

    Returns:
        Rows removed.
    """
    erased = select(Erasure.user_id)
    return sum(
        connection.execute(delete(model).where(model.user_id.in_(erased))).rowcount
        for model in (CampaignCohort, CampaignContact)
    )


def measure(
    connection: Connection, reservation: Reservation, reacted: Iterable[int]
) -> dict[str, Any] | None:
    """Compare the arms of a reservation and store the result.

    Args:
        connection: The warehouse.
        reservation: Its window is complete.
        reacted: Users who reacted within the window, in any order, also several times. They are
            streamed to the server, which has the cohort: neither is ever held here. Whoever was
            erased by the time they are through is left out of both.

    Returns:
        The row of `analytics.campaign_uplift`; None where the reservation was given back meanwhile.

    Raises:
        DBAPIError: The team keeps its campaign locked (LOCK_NOT_AVAILABLE): nothing was stored.
    """
    number = reservation.reservation_id
    connection.execute(text("drop table if exists pg_temp.reacted"))
    connection.execute(text("create temporary table reacted (user_id bigint) on commit drop"))
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("copy pg_temp.reacted from stdin") as copy:
        for user in reacted:
            copy.write_row((user,))
    # From here on nobody confirms or gives back; who did so before is seen.
    connection.execute(text(f"set local lock_timeout = {LOCK_WAIT_MS}"))
    connection.execute(
        text("select marketing.lock_campaign(:campaign)"), {"campaign": reservation.campaign_id}
    )
    if connection.scalar(_GIVEN_BACK, {"reservation": number}):
        return None
    leave_out_erased(connection)
    counted = connection.execute(_COUNT, {"reservation": number}).all()
    compared = comparison(
        {row.arm: row.users for row in counted}, {row.arm: row.positives for row in counted}
    )
    row = {
        "reservation_id": number,
        "campaign_id": reservation.campaign_id,
        "send_date": reservation.send_date,
        "publication_id": reservation.publication_id,
        "horizon_days": reservation.horizon_days,
        "mailed_users": connection.scalar(_MAILED, {"reservation": number}),
        **compared,
        "treatment_erased": reservation.treatment_users - compared["treatment_users"],
        "control_erased": reservation.control_users - compared["control_users"],
        "measured_through": reservation.last_day,
        "measured_at": datetime.now(UTC),
    }
    upsert(connection, CampaignUplift, [row])
    return row


def comparison(users: Mapping[str, int], positives: Mapping[str, int]) -> dict[str, Any]:
    """Shares of users who reacted, their difference, and how sure it is.

    Args:
        users: Users in `treatment` and `control`; an arm without any may be missing.
        positives: Those of them who reacted.

    Returns:
        Counts and rates of both arms; `difference` with its 95 % interval after Newcombe (1998,
        method 10), which holds for small groups and rates near 0; `number_needed_to_mail`.

    Example:
        30 of 100 mailed users reacted, and 10 of 50 in control. The difference could be chance: 0
        lies within its interval.

        >>> found = comparison({"treatment": 100, "control": 50}, {"treatment": 30, "control": 10})
        >>> found["treatment_rate"], found["control_rate"]
        (0.3, 0.2)
        >>> [round(found[name], 3) for name in ("difference", "difference_low", "difference_high")]
        [0.1, -0.054, 0.23]
        >>> round(found["number_needed_to_mail"], 1)
        10.0
    """
    users = {arm: users.get(arm, 0) for arm in ARMS}
    positives = {arm: positives.get(arm, 0) for arm in ARMS}
    rate = {arm: positives[arm] / users[arm] if users[arm] else None for arm in ARMS}
    difference = low = high = None
    if rate["treatment"] is not None and rate["control"] is not None:
        difference = rate["treatment"] - rate["control"]
        low, high = confint_proportions_2indep(
            positives["treatment"], users["treatment"], positives["control"], users["control"],
            compare="diff", method="newcomb", alpha=1 - CONFIDENCE,
        )  # fmt: skip
    return {
        "treatment_users": users["treatment"],
        "treatment_positives": positives["treatment"],
        "control_users": users["control"],
        "control_positives": positives["control"],
        "treatment_rate": rate["treatment"],
        "control_rate": rate["control"],
        "difference": difference,
        "difference_low": None if low is None else max(-1.0, float(low)),
        "difference_high": None if high is None else min(1.0, float(high)),
        "number_needed_to_mail": 1 / difference if difference and difference > 0 else None,
    }
