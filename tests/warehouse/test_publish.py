"""Publishing: whole days, once each, and what was visible stays when something is wrong."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from include.databases import database_url
from include.errors import PublishError
from include.settings import Settings
from include.warehouse import publications
from include.warehouse.engine import engine
from include.warehouse.loading import SCORE_COLUMNS
from include.warehouse.publish import Published, Scores, publish

DAY = date(2026, 3, 10)
CAMPAIGNS = ("cars", "coffee")
TYPES = [pa.date32(), pa.string(), pa.int64(), pa.float64(), pa.int32(), pa.int32(), pa.string(),
         pa.string()]  # fmt: skip


def scores(day: date = DAY, users: int = 50, version: str = "1", shift: float = 0.0) -> Scores:
    rows: list[tuple[Any, ...]] = [
        (day, campaign, user, (user + 1) / (users + 1) * 0.9 + shift, users - user,
         min(10, 1 + (users - user - 1) * 10 // users), "treatment", version)
        for campaign in CAMPAIGNS
        for user in range(users)
    ]  # fmt: skip
    schema = pa.schema(list(zip(SCORE_COLUMNS, TYPES, strict=True)))
    columns = [pa.array(c, t) for c, t in zip(zip(*rows, strict=True), TYPES, strict=True)]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch.slice(0, 30)
        yield batch.slice(30)

    return Scores(score_date=day, batches=batches, users=users,
                  holdout_shares=dict.fromkeys(CAMPAIGNS, 0.0),
                  model_version=version, model_policy="as_of", lake_snapshots={"s": 1},
                  run_id="test")  # fmt: skip


def go(place: Settings, what: Scores) -> Published:
    return publish(engine(place), database_url(place, "warehouse"), what)


def query(place: Settings, sql: str) -> list[tuple[Any, ...]]:
    with engine(place).connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


STATUS = "select publication_id, status from predictions.publications order by 1"
VISIBLE = (
    "select score_date, count(*), min(model_version), max(model_version) "
    "from predictions.campaign_propensity group by 1 order by 1"
)


def test_a_day_is_visible_whole_and_the_latest_view_shows_the_newest(place: Settings) -> None:
    go(place, scores())
    go(place, scores(DAY + timedelta(days=1)))
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1"), (DAY + timedelta(days=1), 100, "1", "1")]
    latest = query(
        place,
        "select count(*), count(distinct (campaign_id, user_id)), min(score) >= 0, max(score) <= 1,"
        " min(score_date) from predictions.latest_campaign_propensity",
    )
    assert latest == [(100, 100, True, True, DAY + timedelta(days=1))]


def test_unchanged_content_publishes_nothing_new(place: Settings) -> None:
    first = go(place, scores())
    again = go(place, scores())
    assert (again.publication_id, again.is_new) == (first.publication_id, False)
    assert [status for _, status in query(place, STATUS)] == ["published"]


def test_a_new_version_supersedes_the_old_and_the_old_is_kept(place: Settings) -> None:
    first = go(place, scores())
    go(place, scores(version="2"))
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]
    assert [status for _, status in query(place, STATUS)] == ["superseded", "published"]
    kept = query(place, f"select count(*) from predictions.publication_{first.publication_id}")
    assert kept == [(100,)]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (replace(scores(version="2"), users=51), "50 users have scores, 51 are known"),
        (
            replace(scores(version="2"), holdout_shares={"cars": 0.0}),
            r"campaigns are \['cars', 'coffee'\]",
        ),
        (scores(version="2", shift=0.5), "there are scores outside 0-1"),
    ],
)
def test_what_fails_a_check_is_never_visible_and_is_on_record(
    place: Settings, broken: Scores, sentence: str
) -> None:
    go(place, scores())
    with pytest.raises(PublishError, match=sentence):
        go(place, broken)
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]
    (_, (rejected, status)) = query(place, STATUS)
    assert status == "rejected"
    ((reason,),) = query(
        place, f"select reason from predictions.publications where publication_id = {rejected}"
    )
    assert sentence.split(" are ")[0].replace("\\", "")[:20] in reason
    assert query(place, f"select to_regclass('predictions.publication_{rejected}')") == [(None,)]


def test_a_row_twice_is_refused_by_the_primary_key(place: Settings) -> None:
    good = scores()

    def twice() -> Iterator[pa.RecordBatch]:
        yield from good.batches()
        yield from good.batches()

    with pytest.raises(Exception, match="could not create unique index"):
        go(place, replace(good, batches=twice))
    assert query(place, VISIBLE) == []


def test_a_reader_who_holds_the_table_delays_but_does_not_break_it(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(publications, "LOCK_PAUSE_S", 0.1)
    go(place, scores())
    reader = engine(place).connect()
    reader.execute(text("select count(*) from predictions.campaign_propensity"))
    threading.Timer(1.0, reader.rollback).start()
    go(place, scores(version="2"))
    reader.close()
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]
