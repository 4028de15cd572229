"""Uplift: did mailing work? Treatment (mailed) beside control (the holdout that would have been).

A *send* is a campaign and the day on which its mails went out. Its cohort is fixed from the records
of the mailing team: treatment is whom they mailed; control is every consenting control user whose
rank was as good as the worst mailed one's, unless an earlier send within the campaign's cool-down
had put them into a control cohort already (as treatment users in their cool-down aren't mailed
again). Users count in the arm that they were assigned to, whoever mailed them by mistake (intention
to treat).
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, text
from statsmodels.stats.proportion import confint_proportions_2indep

from include.database.tables.audience import CampaignCohort, CampaignUplift
from include.database.upsert import upsert

CONFIDENCE = 0.95

_SENDS = text(
    """
    select k.campaign_id, k.send_date, c.horizon_days, c.category, c.positive_event_types
    from predictions.campaign_contacts k join predictions.campaigns c using (campaign_id)
    left join analytics.campaign_uplift u using (campaign_id, send_date)
    where k.send_date <= :day
    group by k.campaign_id, k.send_date, c.horizon_days, c.category, c.positive_event_types,
      u.measured_at
    having u.measured_at is null or max(k.recorded_at) > u.measured_at
    order by k.send_date, k.campaign_id
    """
)

_COUNTS = text(
    """
    select
      (select count(*) from predictions.campaign_contacts k
       join predictions.campaign_propensity p
         on p.score_date = k.score_date and p.campaign_id = k.campaign_id
         and p.user_id = k.user_id
       where k.campaign_id = :campaign and k.send_date = :send_date and p.arm = 'treatment'),
      (select count(*) from analytics.campaign_cohorts
       where campaign_id = :campaign and send_date = :send_date and arm = 'treatment')
    """
)

_TREATMENT = text(
    """
    insert into analytics.campaign_cohorts (campaign_id, send_date, user_id, arm)
    select k.campaign_id, k.send_date, k.user_id, p.arm
    from predictions.campaign_contacts k
    join predictions.campaign_propensity p
      on p.score_date = k.score_date and p.campaign_id = k.campaign_id and p.user_id = k.user_id
    where k.campaign_id = :campaign and k.send_date = :send_date and p.arm = 'treatment'
    """
)

_CONTROL = text(
    """
    insert into analytics.campaign_cohorts (campaign_id, send_date, user_id, arm)
    select distinct p.campaign_id, cast(:send_date as date), p.user_id, p.arm
    from (
      select k.score_date, max(p.rank) as worst_rank
      from predictions.campaign_contacts k
      join predictions.campaign_propensity p
        on p.score_date = k.score_date and p.campaign_id = k.campaign_id and p.user_id = k.user_id
      where k.campaign_id = :campaign and k.send_date = :send_date and p.arm = 'treatment'
      group by k.score_date
    ) as mailed
    join predictions.campaign_propensity p
      on p.score_date = mailed.score_date and p.campaign_id = :campaign
      and p.rank <= mailed.worst_rank
    join pii.contacts c on c.user_id = p.user_id and c.marketing_consent
    where p.arm = 'control'
      and not exists (
        select from analytics.campaign_cohorts earlier
        join predictions.campaigns g using (campaign_id)
        where earlier.campaign_id = :campaign and earlier.user_id = p.user_id
          and earlier.send_date < :send_date
          and earlier.send_date > cast(:send_date as date) - g.cooldown_days
      )
    """
)


@dataclass(frozen=True)
class Send:
    """A campaign's mails of one day."""

    campaign_id: str
    send_date: date
    horizon_days: int
    category: str
    positive_event_types: tuple[str, ...]

    @property
    def last_day(self) -> date:
        """The last day on which a reaction counts."""
        return self.send_date + timedelta(days=self.horizon_days - 1)


def open_sends(connection: Connection, day: date) -> list[Send]:
    """Sends up to a day that were never measured, or got records since; oldest first."""
    return [
        Send(r.campaign_id, r.send_date, r.horizon_days, r.category,
             tuple(r.positive_event_types.split(",")))
        for r in connection.execute(_SENDS, {"day": day})
    ]  # fmt: skip


def fix_cohort(connection: Connection, send: Send) -> None:
    """Write down who is compared, while the day's predictions are there.

    Once: consent that is withdrawn later, or a day that is reverted, moves nobody. Only records
    that come in later make it anew.
    """
    keys = {"campaign": send.campaign_id, "send_date": send.send_date}
    mailed, fixed = connection.execute(_COUNTS, keys).one()
    if mailed <= fixed:
        return
    connection.execute(
        text(
            "delete from analytics.campaign_cohorts "
            "where campaign_id = :campaign and send_date = :send_date"
        ),
        keys,
    )
    connection.execute(_TREATMENT, keys)
    connection.execute(_CONTROL, keys)


def measure(connection: Connection, send: Send, reacted: Set[int], through: date) -> dict[str, Any]:
    """Compare a send's arms and store the result; repeating it with equal data changes nothing.

    Args:
        connection: The warehouse.
        send: Its cohort is fixed and its window complete.
        reacted: Users who reacted within the window.
        through: Last day of data that this rests on.

    Returns:
        The row of `analytics.campaign_uplift`.
    """
    cohort = connection.execute(
        select(CampaignCohort.arm, CampaignCohort.user_id).where(
            CampaignCohort.campaign_id == send.campaign_id,
            CampaignCohort.send_date == send.send_date,
        )
    ).all()
    row = {
        "campaign_id": send.campaign_id,
        "send_date": send.send_date,
        "horizon_days": send.horizon_days,
        **comparison(cohort, reacted),
        "measured_through": through,
        "measured_at": datetime.now(UTC),
    }
    upsert(connection, CampaignUplift, [row])
    return row


def comparison(cohort: Iterable[Any], reacted: Set[int]) -> dict[str, Any]:
    """Shares of users who reacted, their difference, and how sure it is.

    Args:
        cohort: Pairs of arm and user.
        reacted: Users who reacted.

    Returns:
        Counts and rates of both arms; `difference` with its 95 % interval after Newcombe (1998,
        method 10), which holds for small groups and rates near 0; `number_needed_to_mail`.

    Example:
        30 of 100 mailed users reacted, and 10 of 50 in control. The difference could be chance: 0
        lies within its interval.

        >>> mailed, control = range(100), range(100, 150)
        >>> cohort = [("treatment", user) for user in mailed] + [("control", u) for u in control]
        >>> found = comparison(cohort, reacted={*mailed[:30], *control[:10]})
        >>> found["treatment_rate"], found["control_rate"]
        (0.3, 0.2)
        >>> [round(found[name], 3) for name in ("difference", "difference_low", "difference_high")]
        [0.1, -0.054, 0.23]
        >>> round(found["number_needed_to_mail"], 1)
        10.0
    """
    users = {"treatment": 0, "control": 0}
    positives = {"treatment": 0, "control": 0}
    for arm, user in cohort:
        users[arm] += 1
        positives[arm] += user in reacted
    rate = {arm: positives[arm] / users[arm] if users[arm] else None for arm in users}
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
        "difference_low": None if low is None else float(low),
        "difference_high": None if high is None else float(high),
        "number_needed_to_mail": 1 / difference if difference and difference > 0 else None,
    }
