"""Does the 95 % interval of `analytics.campaign_uplift` hold the true effect 95 times in 100?

    bin/python -m tests.audience.uplift_simulation [EXPERIMENTS]

An experiment is a campaign of its own with random arms: published, reserved, mailed and measured by
the same SQL and Python as any other, in a Postgres of its own. Made up are only who reacts, by
probabilities that are known here, so that the true effect is known too: it is the mean, over both
arms of the frozen cohort, of what being meant to be mailed adds to each user's probability.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from sqlalchemy import text

from include.audience.uplift import comparison, measure, unmeasured
from include.database.engine import engine
from include.predictions.checks import LOADED_SCHEMA
from include.predictions.publish import Scores
from include.predictions.revert import WITHDRAW, revert
from include.settings import Settings
from tests.audience.market import contacts_loaded
from tests.predictions.own_warehouse import own_warehouse
from tests.predictions.score_rows import go, query

FIRST_DAY = date(2026, 3, 10)
APART = timedelta(days=60)
SEED = 20_261_125
CHUNK = 100


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What an experiment is like; shares are 0-1."""

    name: str
    users: int = 400
    reserved: int = 200
    """Users asked for; in treatment, there may be fewer."""
    holdout: float = 0.2
    rate: float = 0.2
    """Of reactions without a mail; the best tenth reacts 1.4 times as often, the worst 0.6."""
    effect: float = 0.1
    """Added by a mail that arrives."""
    unreachable: float = 0.0
    """Have no address, and react a quarter as often."""
    late: float = 0.0
    """Reactions that arrive after the window, and mails confirmed after the measurement."""
    given_back: float = 0.0
    """Of whom was reserved, not mailed after all."""
    is_reverted: bool = False
    """Between reservation and measurement: another version with other ranks, then withdrawn."""
    is_second: bool = False
    """Measured is the second of two mails, five days after the first of a third as many users."""


SCENARIOS = (
    Scenario(name="arms of equal size", holdout=0.5),
    Scenario(name="one in five in control"),
    Scenario(name="one in twenty in control", holdout=0.05),
    Scenario(name="no effect", effect=0.0),
    Scenario(name="40 % without an address", unreachable=0.4, holdout=0.5),
    Scenario(name="30 % of reactions and records late", late=0.3),
    Scenario(name="a quarter given back", given_back=0.25),
    Scenario(name="day replaced, then withdrawn", is_reverted=True),
    Scenario(name="small: 40 users reserved", users=80, reserved=40, holdout=0.3),
    Scenario(name="rare: 4 in 100 react", rate=0.04, effect=0.04),
    Scenario(name="second mail, within the cool-down", is_second=True),
    Scenario(name="all of it at once", holdout=0.3, unreachable=0.3, late=0.2, given_back=0.2,
             is_reverted=True, is_second=True),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a scenario's experiments."""

    measured: int
    covered: float
    """Share of experiments whose interval holds the true effect."""
    covered_if_mailed: float
    """The same if treatment were those who were mailed, and control everybody in control."""
    bias: float
    """Mean of measured minus true effect."""
    treatment: float
    """Users a cohort, on average."""
    control: float


def simulate(place: Settings, scenario: Scenario, number: int, experiments: int) -> Result:
    """Run a scenario's experiments.

    Args:
        place: A warehouse.
        scenario: The scenario.
        number: Its number, which gives it days and campaigns of its own.
        experiments: How many.
    """
    rng = np.random.default_rng([SEED, number])
    day = FIRST_DAY + number * APART
    names = [f"s{number:02}_{n:04}" for n in range(experiments)]
    _prepare(place, scenario, day, names, rng)
    ranks = np.array([rng.permutation(scenario.users) for _ in names])
    arms = rng.random((experiments, scenario.users)) < scenario.holdout
    if scenario.is_second:
        before = day - timedelta(days=5)
        go(place, _scores(scenario, before, names, ranks, arms))
        _reserve(place, before, scenario.reserved // 3)
        query(place, "select marketing.confirm_sends(reservation_id) "
              "from predictions.audience_reservations where score_date = :day", "marketing",
              day=before)  # fmt: skip
        # Never measured here: only the second mail is.
        query(place, "update predictions.audience_reservations set horizon_days = 9999 "
              "where score_date = :day", "admin", day=before)  # fmt: skip
    go(place, _scores(scenario, day, names, ranks, arms))
    _reserve(place, day, scenario.reserved)
    _give_back_and_confirm(place, scenario, day, rng)
    if scenario.is_reverted:
        go(place, _scores(scenario, day, names, ranks[:, ::-1], arms))
        revert(engine(place), day, WITHDRAW, "simulated", "nobody")
    result = _measure(place, scenario, day, ranks, names, rng)
    query(place, "select marketing.confirm_sends(reservation_id) "
          "from predictions.audience_reservations where score_date = :day", "marketing",
          day=day)  # fmt: skip
    return result


def _prepare(
    place: Settings, scenario: Scenario, day: date, names: list[str], rng: np.random.Generator
) -> None:
    query(place, "update predictions.campaigns set is_active = false")
    query(place, "insert into predictions.campaigns select name, 'x', 'view', 7, :holdout, 14, "
          "'marketing', true from unnest(cast(:names as text[])) as name", holdout=scenario.holdout,
          names=names)  # fmt: skip
    query(place, "delete from pii.contacts")
    reachable = (rng.random(scenario.users) >= scenario.unreachable).tolist()
    query(place, "insert into pii.contacts select n - 1, case when is_reachable then 'a' end, "
          "null, null, true, :day from unnest(cast(:reachable as boolean[])) with ordinality "
          "as u (is_reachable, n)", day=day, reachable=reachable)  # fmt: skip
    contacts_loaded(place, day)
    if scenario.is_second:
        contacts_loaded(place, day - timedelta(days=5))


def _scores(
    scenario: Scenario, day: date, names: list[str], ranks: np.ndarray, arms: np.ndarray
) -> Scores:
    users = scenario.users

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(names), CHUNK):
            chunk = slice(start, start + CHUNK)
            some, rank = names[chunk], ranks[chunk].ravel()
            columns = [
                pa.array([day] * len(rank), pa.date32()),
                pa.array(np.repeat(some, users)),
                pa.array(np.tile(np.arange(users, dtype=np.int64), len(some))),
                pa.array((users - rank) / (users + 1)),
                pa.array((rank + 1).astype(np.int32)),
                pa.array((1 + rank * 10 // users).astype(np.int32)),
                pa.array(np.where(arms[chunk].ravel(), "control", "treatment")),
                pa.array(["1"] * len(rank)),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=LOADED_SCHEMA)

    return Scores(
        score_date=day, batches=batches, users=users,
        holdout_shares=dict.fromkeys(names, scenario.holdout), model_version="1",
        model_policy="as_of", lake_snapshots={"s": 1}, run_id="simulation",
    )  # fmt: skip


def _reserve(place: Settings, day: date, how_many: int) -> None:
    query(place, "select marketing.reserve_audience(campaign_id, :send, :users) "
          "from predictions.campaigns where is_active", "marketing",
          send=day + timedelta(days=1), users=how_many)  # fmt: skip


def _give_back_and_confirm(
    place: Settings, scenario: Scenario, day: date, rng: np.random.Generator
) -> None:
    contacts = query(place, "select reservation_id, array_agg(user_id order by user_id) "
                     "from predictions.campaign_contacts where score_date = :day group by 1 "
                     "order by 1", day=day)  # fmt: skip
    with engine(place, "marketing").begin() as connection:
        for reservation, users in contacts:
            draw = rng.random((2, len(users)))
            is_back = draw[0] < scenario.given_back
            is_late = draw[1] < scenario.late
            for function, chosen in (
                ("give_back", is_back),
                ("confirm_sends", ~is_back & ~is_late),
            ):
                connection.execute(
                    text(f"select marketing.{function}(:id, :users)"),
                    {"id": reservation, "users": np.array(users)[chosen].tolist()},
                )


def _measure(
    place: Settings,
    scenario: Scenario,
    day: date,
    ranks: np.ndarray,
    names: list[str],
    rng: np.random.Generator,
) -> Result:
    reachable = dict(query(place, "select user_id, email is not null from pii.contacts"))
    is_reachable = np.array([reachable[user] for user in range(scenario.users)])
    rows, true_effects, if_mailed = [], [], []
    with engine(place).begin() as connection:
        for reservation in unmeasured(connection, day + timedelta(days=7)):
            number = {"number": reservation.reservation_id}
            found = connection.execute(
                text("select h.user_id, h.arm = 'treatment', k.given_back_at is null and "
                     "k.user_id is not null from analytics.campaign_cohorts h "
                     "left join predictions.campaign_contacts k using (reservation_id, user_id) "
                     "where reservation_id = :number order by 1"), number,
            ).all()  # fmt: skip
            user, is_treatment, is_kept = (np.array(column) for column in zip(*found, strict=True))
            rank = ranks[names.index(reservation.campaign_id)][user]
            rate = scenario.rate * (1.4 - 0.8 * rank / scenario.users)
            rate = np.where(is_reachable[user], rate, rate / 4)
            is_mailed = is_treatment & is_kept & is_reachable[user]
            is_on_time = rng.random(len(user)) >= scenario.late
            did = (rng.random(len(user)) < rate + scenario.effect * is_mailed) & is_on_time
            reacted = set(user[did].tolist())
            rows.append(measure(connection, reservation, reacted))
            kept = (1 - scenario.late) * (1 - scenario.given_back)
            true_effects.append(scenario.effect * kept * is_reachable[user].mean())
            arms = {"treatment": is_mailed, "control": ~is_treatment}
            users = {arm: int(who.sum()) for arm, who in arms.items()}
            positives = {arm: int((who & did).sum()) for arm, who in arms.items()}
            if_mailed.append(comparison(users, positives))
    return _summary(rows, if_mailed, true_effects)


def _summary(rows: list[dict], if_mailed: list[dict], true_effects: list[float]) -> Result:
    def holds(row: dict, effect: float) -> bool:
        return row["difference"] is not None and bool(
            row["difference_low"] <= effect <= row["difference_high"]
        )

    def share(of: list[dict]) -> float:
        return float(np.mean([holds(*pair) for pair in zip(of, true_effects, strict=True)]))

    errors = [row["difference"] - effect for row, effect in zip(rows, true_effects, strict=True)
              if row["difference"] is not None]  # fmt: skip
    return Result(
        measured=len(rows), covered=share(rows), covered_if_mailed=share(if_mailed),
        bias=float(np.mean(errors)),
        treatment=float(np.mean([row["treatment_users"] for row in rows])),
        control=float(np.mean([row["control_users"] for row in rows])),
    )  # fmt: skip


def main(experiments: int) -> None:
    """Print a line a scenario."""
    print(f"| scenario | experiments | treatment | control | bias | covered |\n{'| --- ' * 6}|")
    with own_warehouse() as place:
        outside = []
        for number, scenario in enumerate(SCENARIOS):
            started = time.monotonic()
            result = simulate(place, scenario, number, experiments)
            print(f"| {scenario.name} | {result.measured:,} | {result.treatment:.0f} | "
                  f"{result.control:.0f} | {result.bias:+.4f} | {result.covered:.1%} |",
                  flush=True)  # fmt: skip
            print(f"{time.monotonic() - started:.0f} s; if treatment were whoever was mailed: "
                  f"{result.covered_if_mailed:.1%}", file=sys.stderr, flush=True)  # fmt: skip
            if not 0.93 <= result.covered <= 0.97:
                outside.append(scenario.name)
    if outside:
        sys.exit(f"FAILED: not 93-97 in 100: {', '.join(outside)}")
    print("all between 93 and 97 in 100")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
