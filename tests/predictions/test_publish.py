"""Publishing: whole days, once each, and what was visible stays when something is wrong."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import text

from include.database.engine import engine
from include.errors import PublishError
from include.predictions import checks, transition
from include.predictions.publish import Scores
from include.settings import Settings
from tests.predictions.score_rows import CAMPAIGNS, DAY, STATUS, TABLES, VISIBLE, go, query, scores


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
    monkeypatch.setattr(transition, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(transition, "LOCK_PAUSE_S", 0.1)
    go(place, scores())
    reader = engine(place).connect()
    reader.execute(text("select count(*) from predictions.campaign_propensity"))
    threading.Timer(1.0, reader.rollback).start()
    go(place, scores(version="2"))
    reader.close()
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]


def test_a_publication_that_waits_for_one_reader_lets_the_others_through(place: Settings) -> None:
    """Whoever comes after a request for an exclusive lock waits behind it, until it is given up."""
    go(place, scores())
    slow = engine(place, "analyst").connect()
    slow.execute(text("select count(*) from predictions.campaign_propensity"))
    publisher = threading.Thread(target=go, args=(place, scores(version="2")))
    publisher.start()
    wait_until_it_asks_for_the_lock(place)
    with engine(place, "analyst").begin() as reader:
        reader.execute(text("set local statement_timeout = '60s'"))  # it would wait for ever
        seen = reader.execute(text(VISIBLE)).all()
    assert [tuple(row) for row in seen] == [(DAY, 100, "1", "1")]
    assert publisher.is_alive(), "it has to come back for as long as the slow reader reads"
    slow.close()
    publisher.join()
    assert query(place, VISIBLE) == [(DAY, 100, "2", "2")]


def wait_until_it_asks_for_the_lock(place: Settings) -> None:
    asking = (
        "select 1 from pg_locks where not granted and mode = 'AccessExclusiveLock' "
        "and relation = 'predictions.campaign_propensity'::regclass"
    )
    deadline = time.monotonic() + 60
    while not query(place, asking):
        assert time.monotonic() < deadline, "nobody asks for the lock"
        time.sleep(0.01)


def test_arms_that_no_chance_explains_are_refused(place: Settings) -> None:
    fair = scores(users=1_000, control=10)
    assert go(place, fair).is_new
    unfair = replace(
        scores(users=1_000, version="2", control=2), holdout_shares=fair.holdout_shares
    )
    with pytest.raises(
        PublishError, match=r"cars has 500 control users of 1000, .* makes 100 \(chi"
    ):
        go(place, unfair)
    with pytest.raises(PublishError, match="cars has 100 control users where none are wanted"):
        go(place, replace(fair, model_version="2", holdout_shares={"cars": 0.0, "coffee": 0.1}))


def test_a_reader_with_an_older_snapshot_sees_the_whole_new_day(place: Settings) -> None:
    """Rows that are younger than a `repeatable read` snapshot would be an empty day to it."""
    go(place, scores())
    reader = engine(place, "analyst").connect().execution_options(isolation_level="REPEATABLE READ")
    assert reader.scalar(text("select count(*) from predictions.publications")) == 1
    go(place, scores(version="2"))
    seen = reader.execute(text(VISIBLE)).all()
    reader.close()
    assert [tuple(row) for row in seen] == [(DAY, 100, "2", "2")]


def test_the_latest_view_goes_by_a_constant_day(place: Settings) -> None:
    """With a subquery there, the planner would prepare scans of all days ever published."""
    for number in range(3):
        go(place, scores(DAY + timedelta(days=number)))
    plan = query(place, "explain select * from predictions.latest_campaign_propensity "
                 "where campaign_id = 'cars' order by score desc limit 10", "analyst")  # fmt: skip
    assert str(plan).count("Scan") == 1
    go(place, scores(DAY))
    assert query(place, "select max(score_date) from predictions.latest_campaign_propensity") == [
        (DAY + timedelta(days=2),)
    ]


def test_nothing_is_left_of_a_refused_attempt(place: Settings) -> None:
    with pytest.raises(PublishError):
        go(place, replace(scores(), users=51))
    assert query(place, TABLES) == []


def test_rows_that_changed_on_the_way_are_refused(place: Settings) -> None:
    """The lake is read twice; what was loaded must be what was summed up."""
    first, other = scores(), scores(shift=1e-6)
    turns = iter([first, other])

    def batches() -> Iterator[pa.RecordBatch]:
        return next(turns).batches()

    with pytest.raises(PublishError, match="the loaded rows' checksum is .*, the lake's "):
        go(place, replace(first, batches=batches))
    assert query(place, VISIBLE) == []


def changed(what: Scores, column: str, change: Callable[[pa.Array], pa.Array]) -> Scores:
    """The same rows with one column changed on the way: as a wrong job would have made them."""

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in what.batches():
            place = batch.schema.get_field_index(column)
            columns = [
                *batch.columns[:place],
                change(batch.column(place)),
                *batch.columns[place + 1 :],
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    return replace(what, batches=batches)


@pytest.mark.parametrize(
    ("column", "change", "sentence"),
    [
        ("model_version", lambda c: pa.array(["9"] * len(c)), r"rows are of model \['9'\], not 2"),
        ("rank", lambda c: pc.add(c, 1).cast(pa.int32()), "cars: 50 ranks aren't 1 to n"),
        ("score", lambda c: pc.subtract(1.0, c), "cars: 49 ranks aren't 1 to n"),
        ("decile", lambda c: pc.subtract(11, c).cast(pa.int32()), "cars: 50 deciles don't follow"),
    ],
)
def test_what_a_wrong_job_would_make_is_refused(
    place: Settings, column: str, change: Callable[[pa.Array], pa.Array], sentence: str
) -> None:
    go(place, scores())
    with pytest.raises(PublishError, match=sentence):
        go(place, changed(scores(version="2"), column, change))
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("model_version", "rows are of model ['1', None], not 1"),
        ("user_id", "49 users have scores, 50 are known"),
    ],
)
def test_a_null_is_named_as_the_problem_that_it_is(
    place: Settings, monkeypatch: pytest.MonkeyPatch, column: str, sentence: str
) -> None:
    """Were the columns' constraints ever lost, the check would still say what is wrong."""
    go(place, scores())
    # Made within this connection, which no other one sees.
    monkeypatch.setattr(checks, "read_back", lambda *_: ("0", []))
    with engine(place).begin() as connection:
        connection.execute(
            text("create table predictions.publication_99 as table predictions.publication_1")
        )
        connection.execute(
            text(f"update predictions.publication_99 set {column} = null where user_id = 7")
        )
        found = checks.problems(
            connection,
            "",
            99,
            day=DAY,
            model_version="1",
            users=50,
            erased_users=0,
            holdout_shares=dict.fromkeys(CAMPAIGNS, 0.0),
            row_count=100,
            checksum="0",
        )
    assert sentence in found


def test_ties_are_ranked_by_user(place: Settings) -> None:
    level = changed(
        scores(users=4, campaigns=("cars",)), "score", lambda c: pa.array([0.5] * len(c))
    )
    with pytest.raises(PublishError, match="cars: 3 ranks aren't 1 to n"):
        go(place, level)  # user 3 first: the order of the scores says nothing, that of users does
