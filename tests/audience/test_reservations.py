"""Reserve, mail, confirm or give back: bounds, two at once, and what ends halfway."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.audience.warehouse_erasure import begin, erase_predictions
from include.database.address import database_url
from include.database.engine import engine
from include.settings import Settings
from tests.audience.market import (
    ELIGIBLE,
    SEND,
    cohort,
    contacts_loaded,
    reserve,
    reserved,
    with_contacts,
)
from tests.predictions.score_rows import DAY, go, query, scores

RESERVE = f"select marketing.reserve_audience('coffee', '{SEND}', %s)"


@pytest.fixture
def market(place: Settings) -> Settings:
    return with_contacts(place)


def session(place: Settings) -> psycopg.Connection[Any]:
    return psycopg.connect(database_url(place, "warehouse", role="marketing"))


def call(place: Settings, function: str, number: int, users: list[int] | None = None) -> int:
    """Confirm or give back, as the team; returns how many."""
    ((changed,),) = query(place, f"select marketing.{function}(:id, :users)", "marketing",
                          id=number, users=users)  # fmt: skip
    return int(changed)


def test_the_best_are_reserved_with_the_publication_that_chose_them(market: Settings) -> None:
    number = reserve(market, 3)
    assert reserved(market, number) == ELIGIBLE[:3]
    assert query(market, "select distinct r.reserved_by, r.acted_as, r.send_date, r.score_date, "
                 "r.asked_users, r.publication_id = k.publication_id, k.publication_id = "
                 "(select max(publication_id) from predictions.publications), k.recorded_by, "
                 "k.confirmed_at from predictions.audience_reservations r "
                 "join predictions.campaign_contacts k using (reservation_id)") == [
        ("marketing_login", "marketing_login", SEND, DAY, 3, True, True, "marketing_login", None)
    ]  # fmt: skip


def test_what_does_not_exist_or_lies_out_of_bounds_is_refused(market: Settings) -> None:
    query(market, "update predictions.campaigns set is_active = false where campaign_id = 'cars'")
    wrong = []
    for campaign, when, users, answer in [
        ("coffee", "'-infinity'", "1", "send_date is -infinity"),
        ("coffee", "'infinity'", "1", "send_date is infinity"),
        ("coffee", "null", "1", "send_date is null"),
        ("coffee", f"date '{DAY}'", "1", "mails can go out from 2026-03-11 to 2026-03-24"),
        ("coffee", f"date '{DAY}' + 15", "1", "send_date is 2026-03-25"),
        ("coffee", f"date '{SEND}'", "0", "how_many is 0"),
        ("coffee", f"date '{SEND}'", "-1", "how_many is -1"),
        ("coffee", f"date '{SEND}'", "null", "how_many is null"),
        ("tea", f"date '{SEND}'", "1", "no active campaign tea"),
        ("cars", f"date '{SEND}'", "1", "no active campaign cars"),
    ]:
        try:
            query(market, f"select marketing.reserve_audience('{campaign}', {when}, {users})",
                  "marketing")  # fmt: skip
            wrong.append(f"{campaign} {when} {users}: accepted")
        except DBAPIError as error:
            if answer not in str(error.orig):
                wrong.append(f"{campaign} {when} {users}: {error.orig}")
    assert not wrong
    assert query(market, "select count(*) from predictions.audience_reservations") == [(0,)]
    reserve(market, 1, DAY + timedelta(days=14))


def test_nobody_is_mailed_twice_within_the_cool_down(market: Settings) -> None:
    """Fourteen days, both ways: a mail that is due later counts as well."""
    late = DAY + timedelta(days=14)
    assert reserved(market, reserve(market, 2, late)) == ELIGIBLE[:2]
    assert reserved(market, reserve(market, 2, SEND)) == ELIGIBLE[2:4]
    assert reserved(market, reserve(market, 99, SEND)) == ELIGIBLE[4:]
    with pytest.raises(DBAPIError, match="nobody of coffee is left"):
        reserve(market, 1, late)
    go(market, scores(DAY + timedelta(days=14), users=20, control=5))
    contacts_loaded(market, DAY + timedelta(days=14))
    # 2026-03-25 is fourteen days after 03-11, and one after 03-24.
    assert reserved(market, reserve(market, 99, SEND + timedelta(days=14))) == ELIGIBLE[2:]


def test_without_a_cool_down_a_day_still_brings_one_mail(market: Settings) -> None:
    query(market, "update predictions.campaigns set cooldown_days = 0")
    assert reserved(market, reserve(market, 2)) == ELIGIBLE[:2]
    assert reserved(market, reserve(market, 2)) == ELIGIBLE[2:4]
    assert reserved(market, reserve(market, 2, SEND + timedelta(days=1))) == ELIGIBLE[:2]


def test_confirming_twice_records_once(market: Settings) -> None:
    number = reserve(market, 3)
    assert call(market, "confirm_sends", number, ELIGIBLE[:1]) == 1
    assert call(market, "confirm_sends", number, ELIGIBLE[:1]) == 0
    assert call(market, "confirm_sends", number) == 2
    assert call(market, "confirm_sends", number) == 0
    assert call(market, "give_back", number) == 0
    confirmed = "select distinct confirmed_by, confirmed_at is null, given_back_at "
    assert query(market, confirmed + "from predictions.campaign_contacts") == [
        ("marketing_login", False, None)
    ]
    assert query(market, "select count(*) from marketing.campaign_audience "
                 "where reservation_id is not null", "marketing") == [(0,)]  # fmt: skip


def test_whoever_is_given_back_can_be_reserved_again(market: Settings) -> None:
    first = reserve(market, 3)
    assert call(market, "give_back", first, ELIGIBLE[1:2]) == 1
    assert call(market, "give_back", first, ELIGIBLE[1:2]) == 0
    assert reserved(market, reserve(market, 2)) == [ELIGIBLE[1], ELIGIBLE[3]]


def test_only_users_of_the_reservation_can_be_confirmed_or_given_back(market: Settings) -> None:
    """One sentence for control, no consent, other reservations and no such user."""
    number, other = reserve(market, 2), reserve(market, 2)
    call(market, "give_back", number, ELIGIBLE[1:2])
    said = set()
    for stranger in (0, 3, 5, reserved(market, other)[0], 4711, -1, ELIGIBLE[1]):
        with pytest.raises(DBAPIError) as refusal:
            call(market, "confirm_sends", number, [ELIGIBLE[0], stranger])
        said.add(str(refusal.value.orig).splitlines()[0])
    assert said == {f"1 of these users are not in reservation {number}, or were given back: "
                    "nothing was recorded"}  # fmt: skip
    assert call(market, "confirm_sends", number, [ELIGIBLE[0], ELIGIBLE[0]]) == 1
    with pytest.raises(DBAPIError, match="or were mailed: nothing was given back"):
        call(market, "give_back", number, [ELIGIBLE[0]])


# Two at once.


def test_two_sessions_at_once_get_different_users(market: Settings) -> None:
    """The second waits until the first commits, and then sees what it took."""
    got: list[int] = []

    def second() -> None:
        with session(market) as connection:
            row = connection.execute(RESERVE, [4]).fetchone()
            assert row
            got.append(row[0])

    with session(market) as first:
        row = first.execute(RESERVE, [4]).fetchone()
        assert row
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
        first.commit()
        waiting.join(10)
    assert reserved(market, row[0]) + reserved(market, got[0]) == ELIGIBLE[:8]


def test_many_sessions_at_once_share_everybody_out_once(market: Settings) -> None:
    def team() -> None:
        with session(market) as connection:
            for _ in range(3):
                connection.execute(RESERVE, [1])
                connection.commit()

    teams = [threading.Thread(target=team) for _ in range(3)]
    for each in teams:
        each.start()
    for each in teams:
        each.join(60)
    taken = query(market, "select user_id from predictions.campaign_contacts order by 1 desc")
    assert [user for (user,) in taken] == ELIGIBLE[:9]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_transaction_with_an_old_snapshot_cannot_reserve(market: Settings, level: str) -> None:
    with session(market) as old:
        old.execute(f"set transaction isolation level {level}".encode())
        old.execute("select 1")
        reserve(market, 2)
        with pytest.raises(psycopg.Error, match="read committed"):
            old.execute(RESERVE, [2])


def test_whoever_holds_a_reservation_open_stops_nobody_but_their_own_campaign(
    market: Settings,
) -> None:
    with session(market) as idle:
        idle.execute(RESERVE, [2])
        # The pipeline copies its configuration, publishes, loads consent and erases meanwhile.
        with engine(market).begin() as connection:
            connection.execute(text("set local lock_timeout = '2s'"))
            connection.execute(text("update predictions.campaigns set cooldown_days = 14"))
            connection.execute(text("update pii.contacts set marketing_consent = false"))
            connection.execute(text("delete from pii.contacts where user_id = 1"))
        with session(market) as other:
            other.execute("set lock_timeout = 0")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(RESERVE, [2])


# Killed.


@pytest.fixture
def killed(market: Settings) -> Iterator[psycopg.Connection[Any]]:
    connection = session(market)
    yield connection
    connection.close()


def end(place: Settings, connection: psycopg.Connection[Any]) -> None:
    query(
        place, "select pg_terminate_backend(:pid, 5000)", "admin", pid=connection.info.backend_pid
    )


def test_killed_before_the_commit_nothing_was_reserved(
    market: Settings, killed: psycopg.Connection[Any]
) -> None:
    killed.execute(RESERVE, [3])
    end(market, killed)
    for table in ("predictions.audience_reservations", "predictions.campaign_contacts",
                  "analytics.campaign_cohorts", "pii.audience_access"):  # fmt: skip
        assert query(market, f"select count(*) from {table}") == [(0,)]
    assert reserved(market, reserve(market, 3)) == ELIGIBLE[:3]


def test_killed_between_reserve_and_confirm_the_reservation_is_found_again(
    market: Settings, killed: psycopg.Connection[Any]
) -> None:
    killed.execute(RESERVE, [3])
    killed.commit()
    end(market, killed)
    ((number,),) = query(market, "select reservation_id from predictions.audience_reservations",
                         "marketing")  # fmt: skip
    seen = query(market, "select user_id, email is not null from marketing.campaign_audience "
                 "where reservation_id = :id", "marketing", id=number)  # fmt: skip
    assert seen == [(user, True) for user in ELIGIBLE[:3]]
    assert reserved(market, reserve(market, 1)) == ELIGIBLE[3:4]
    assert call(market, "confirm_sends", number) == 3


# What giving back does to the comparison.


def test_a_cohort_outlives_users_that_are_given_back_one_by_one(market: Settings) -> None:
    number = reserve(market, 3)
    before = cohort(market, number, "treatment"), cohort(market, number, "control")
    call(market, "give_back", number, ELIGIBLE[:2])
    assert (cohort(market, number, "treatment"), cohort(market, number, "control")) == before
    # Given back alone, they can be mailed, but their control counterparts are in a cohort: so
    # they aren't compared a second time.
    again = reserve(market, 3)
    assert reserved(market, again) == [*ELIGIBLE[:2], ELIGIBLE[3]]
    assert cohort(market, again, "treatment") == [ELIGIBLE[3]]


def test_with_the_last_user_given_back_both_arms_are_free_again(market: Settings) -> None:
    number = reserve(market, 3)
    compared = cohort(market, number, "treatment"), cohort(market, number, "control")
    assert call(market, "give_back", number) == 3
    assert query(market, "select given_back_at is not null from predictions.audience_reservations"
                 ) == [(True,)]  # fmt: skip
    again = reserve(market, 3)
    assert (cohort(market, again, "treatment"), cohort(market, again, "control")) == compared


def test_a_mail_went_out_whoever_is_erased_afterwards(market: Settings) -> None:
    """Giving the last other user back doesn't void the comparison of a mail that was sent."""
    number = reserve(market, 2)
    mailed, other = reserved(market, number)
    call(market, "confirm_sends", number, [mailed])
    with engine(market).begin() as connection:
        begin(connection, mailed, "#1")
    erase_predictions(engine(market), mailed)
    call(market, "give_back", number, [other])
    assert query(market, "select mailed_at is not null, given_back_at is null from "
                 "predictions.audience_reservations where reservation_id = :id",
                 id=number) == [(True, True)]  # fmt: skip
