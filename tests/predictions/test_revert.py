"""Reverts: one transaction, on record, and no rerun undoes them silently."""

from datetime import timedelta

import pytest

from include.database.engine import engine
from include.errors import PublishError
from include.predictions.revert import WITHDRAW, revert
from include.settings import Settings
from tests.predictions.score_rows import DAY, STATUS, VISIBLE, go, query, scores

NEXT = DAY + timedelta(days=1)


def back(place: Settings, publication_id: int | None = None, day: object = DAY) -> int | None:
    return revert(engine(place), day, publication_id, "wrong prices", "ann")  # type: ignore[arg-type]


def test_the_version_before_comes_back_and_who_and_why_are_on_record(place: Settings) -> None:
    first, second = go(place, scores()), go(place, scores(version="2"))
    assert back(place) == first.publication_id
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]
    assert [status for _, status in query(place, STATUS)] == ["published", "reverted"]
    assert query(
        place,
        "select from_publication_id, to_publication_id, reason, reverted_by "
        "from predictions.reverts",
        "analyst",
    ) == [(second.publication_id, first.publication_id, "wrong prices", "ann")]


def test_a_rerun_does_not_undo_it_unless_told_to(place: Settings) -> None:
    go(place, scores())
    go(place, scores(version="2"))
    back(place)
    for version in ("2", "3"):
        with pytest.raises(PublishError, match=r"ann reverted this day \(wrong prices\)"):
            go(place, scores(version=version))
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]
    assert not go(place, scores()).is_new  # what is visible anyway is no contradiction
    go(place, scores(version="3", replaces_revert=True))
    assert query(place, VISIBLE) == [(DAY, 100, "3", "3")]
    go(place, scores(version="4"))  # from then on as usual
    assert query(place, VISIBLE) == [(DAY, 100, "4", "4")]


def test_a_given_version_comes_back_and_forth(place: Settings) -> None:
    ids = [go(place, scores(version=str(n))).publication_id for n in (1, 2, 3)]
    assert back(place, ids[0]) == ids[0]
    assert back(place, ids[2]) == ids[2]
    assert query(place, VISIBLE) == [(DAY, 100, "3", "3")]
    assert back(place, ids[2]) == ids[2]  # it is visible already
    assert query(place, "select count(*) from predictions.reverts") == [(2,)]


def test_a_day_can_be_withdrawn_so_that_the_day_before_is_the_latest(place: Settings) -> None:
    go(place, scores())
    only = go(place, scores(NEXT))
    assert back(place, WITHDRAW, NEXT) is None
    latest = "select distinct score_date from predictions.latest_campaign_propensity"
    assert query(place, latest, "analyst") == [(DAY,)]
    assert query(place, "select reason from predictions.freshness")  # still one row
    assert back(place, only.publication_id, NEXT) == only.publication_id
    assert query(place, latest, "analyst") == [(NEXT,)]


def test_what_can_not_be_done_lists_what_can(place: Settings) -> None:
    with pytest.raises(PublishError, match="to an earlier version: the versions kept are none"):
        back(place)
    only = go(place, scores()).publication_id
    with pytest.raises(
        PublishError, match=rf"publication 99: the versions kept are {only} \(published, model 1\)"
    ):
        back(place, 99)
    with pytest.raises(PublishError, match="say why in `reason`"):
        revert(engine(place), DAY, None, " ", "ann")
    assert query(place, VISIBLE) == [(DAY, 100, "1", "1")]
