"""Erasing a user from the warehouse: every version, and the books stay right."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.audience import warehouse_erasure
from include.audience.warehouse_erasure import begin, erase_predictions, finish
from include.database.address import database_url
from include.database.engine import engine
from include.predictions.checks import loaded_checksum
from include.settings import Settings
from tests.audience.market import cohort, contacts_loaded, reserve
from tests.predictions.score_rows import DAY, TABLES, go, query, scores

USER = 7


def test_the_user_is_gone_from_every_version_and_checksums_follow(place: Settings) -> None:
    go(place, scores())
    go(place, scores(version="2"))
    go(place, scores(DAY + timedelta(days=1)))
    uri = database_url(place, "warehouse")
    with engine(place).begin() as connection:
        begin(connection, USER, "#123")
    removed = erase_predictions(engine(place), USER)
    assert sorted(removed.values()) == [2, 2, 2]
    tables = [name for (name,) in query(place, TABLES)]
    assert len(tables) == 3
    for name in tables:
        assert query(place, f"select count(*) from predictions.{name} where user_id = 7") == [(0,)]
        number = int(name.removeprefix("publication_"))
        ((rows, checksum),) = query(place, "select row_count, checksum from "
                                    "predictions.publications where publication_id = :id",
                                    id=number)  # fmt: skip
        assert query(place, f"select count(*) from predictions.{name}") == [(rows,)] == [(98,)]
        assert loaded_checksum(uri, number) == checksum
    assert erase_predictions(engine(place), USER) == {}


def test_contacts_and_records_go_and_the_report_stays(place: Settings) -> None:
    query(place, "insert into pii.contacts values (7, 'a@example.org', null, null, true, :day), "
          "(8, 'b@example.org', null, null, true, :day)", day=DAY)  # fmt: skip
    go(place, scores(users=9))
    contacts_loaded(place, DAY)
    number = reserve(place, 2)
    assert cohort(place, number, "treatment") == [USER, 8]
    with engine(place).begin() as connection:
        assert begin(connection, USER, "#123") == 1
    assert query(place, "select user_id from pii.contacts") == [(8,)]
    removed = erase_predictions(engine(place), USER)
    assert removed.pop("predictions.publication_1", 0) <= 2
    assert removed == {"predictions.campaign_contacts": 1, "analytics.campaign_cohorts": 1}
    assert cohort(place, number, "treatment") == [8]
    with engine(place).begin() as connection:
        finish(connection, USER, {"warehouse": removed})
    ((report, finished),) = query(place, "select report, finished_at is not null "
                                  "from pii.erasures")  # fmt: skip
    assert (report, finished) == ({"warehouse": removed}, True)


def erased(place: Settings) -> None:
    with engine(place).begin() as connection:
        begin(connection, USER, "#123")
    erase_predictions(engine(place), USER)


def eligible(place: Settings) -> None:
    query(place, "insert into pii.contacts values (7, 'a@example.org', null, null, true, :day), "
          "(8, 'b@example.org', null, null, true, :day)", day=DAY)  # fmt: skip
    go(place, scores(users=9))
    contacts_loaded(place, DAY)


RESERVE = text("select marketing.reserve_audience('coffee', :day, 2)")
LEFT = (
    "select count(*) from (select user_id from predictions.campaign_contacts union all "
    "select user_id from analytics.campaign_cohorts) as rows where user_id = 7"
)


def test_a_reservation_that_commits_after_the_erasure_does_not_bring_the_user_back(
    place: Settings,
) -> None:
    eligible(place)
    with engine(place, "marketing").connect() as team:
        team.execute(RESERVE, {"day": DAY + timedelta(days=1)})
        erasure = threading.Thread(target=erased, args=(place,))
        erasure.start()
        time.sleep(2)
        team.commit()
    erasure.join(60)
    assert not erasure.is_alive()
    assert query(place, LEFT) == [(0,)]


def test_a_reservation_that_is_never_committed_does_not_stop_an_erasure(
    place: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    eligible(place)
    query(place, "update predictions.service_level set reader_patience_s = 2", "admin")
    with engine(place, "marketing").connect() as team:
        team.execute(RESERVE, {"day": DAY + timedelta(days=1)})
        erased(place)
        with pytest.raises(DBAPIError, match="terminat"):
            team.execute(text("select 1"))
    assert "ended the session of marketing_login" in caplog.text
    assert query(place, LEFT) == [(0,)]


def test_who_still_sees_the_user_cannot_reserve(place: Settings) -> None:
    eligible(place)
    with engine(place, "marketing").connect() as connection:
        team = connection.execution_options(isolation_level="REPEATABLE READ")
        team.execute(text("select count(*) from predictions.campaigns"))  # from now on sees this
        erased(place)
        with pytest.raises(DBAPIError, match="read committed"):
            team.execute(RESERVE, {"day": DAY + timedelta(days=1)})
    assert query(place, LEFT) == [(0,)]


def test_a_readers_cursor_does_not_stop_an_erasure(
    place: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It keeps a page of an index from being cleaned, and holds no lock that could be seen."""
    query(place, "update predictions.service_level set reader_patience_s = 2", "admin")
    go(place, scores(users=200))
    rows = (
        "select user_id, campaign_id from predictions.campaign_propensity "
        f"where score_date = '{DAY}' and user_id < 150"
    )
    with engine(place, "analyst").connect() as reader:
        whole = warehouse_erasure.drop_all_leftovers

        def read_first(*args: Any) -> Any:
            done = whole(*args)
            reader.execute(text("set enable_seqscan = off; set enable_bitmapscan = off"))
            reader.execute(text(f"declare pin cursor for {rows}"))
            reader.execute(text("fetch 1 from pin"))
            return done

        monkeypatch.setattr(warehouse_erasure, "drop_all_leftovers", read_first)
        erased(place)
    assert "a reader's cursor kept it from being vacuumed" in caplog.text
    assert query(place, f"select count(*) from ({rows}) as r where user_id = 7") == [(0,)]
