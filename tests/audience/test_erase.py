"""Erasing a user from the warehouse: every version, and the books stay right."""

from datetime import timedelta

from include.audience.warehouse_erasure import begin, erase_predictions, finish
from include.database.address import database_url
from include.database.engine import engine
from include.predictions.checks import loaded_checksum
from include.settings import Settings
from tests.predictions.score_rows import DAY, TABLES, go, query, scores

USER = 7


def test_the_user_is_gone_from_every_version_and_checksums_follow(place: Settings) -> None:
    go(place, scores())
    go(place, scores(version="2"))
    go(place, scores(DAY + timedelta(days=1)))
    uri = database_url(place, "warehouse")
    removed = erase_predictions(engine(place), uri, USER)
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
    assert erase_predictions(engine(place), uri, USER) == {}


def test_contacts_and_records_go_and_the_report_stays(place: Settings) -> None:
    query(place, "insert into pii.contacts values (7, 'a@example.org', null, null, true, :day), "
          "(8, 'b@example.org', null, null, true, :day)", day=DAY)  # fmt: skip
    query(place, "insert into predictions.campaign_contacts (campaign_id, send_date, user_id, "
          "score_date) values ('coffee', :day, 7, :day)", "marketing", day=DAY)  # fmt: skip
    query(place, "insert into analytics.campaign_cohorts values ('coffee', :day, 7, 'treatment')",
          day=DAY)  # fmt: skip
    with engine(place).begin() as connection:
        assert begin(connection, USER, "#123") == 1
    assert query(place, "select user_id from pii.contacts") == [(8,)]
    removed = erase_predictions(engine(place), database_url(place, "warehouse"), USER)
    assert removed == {"predictions.campaign_contacts": 1, "analytics.campaign_cohorts": 1}
    with engine(place).begin() as connection:
        finish(connection, USER, {"warehouse": removed})
    ((report, finished),) = query(place, "select report, finished_at is not null "
                                  "from pii.erasures")  # fmt: skip
    assert (report, finished) == ({"warehouse": removed}, True)
