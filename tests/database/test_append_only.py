"""What the code does to records passes the triggers; test_attacks.py has what they refuse."""

from datetime import date
from typing import Any

from include.audience.warehouse_erasure import begin, erase_predictions, finish
from include.database.engine import engine
from include.models.promotion.champions import record_comparison, record_outcome
from include.predictions.revert import WITHDRAW, revert
from include.settings import Settings
from tests.audience.market import contacts_loaded, reserve
from tests.predictions.score_rows import DAY, STATUS, go, query, scores


def test_a_publication_is_superseded_reverted_and_withdrawn(
    place: Settings,
) -> None:
    first, second = go(place, scores()), go(place, scores(version="2"))
    assert revert(engine(place), DAY, None, "wrong", "ann") == first.publication_id
    assert revert(engine(place), DAY, second.publication_id, "right", "ann")
    assert revert(engine(place), DAY, WITHDRAW, "both wrong", "ann") is None
    third = go(place, scores(version="3", replaces_revert=True))
    assert [status for _, status in query(place, STATUS)] == ["reverted", "reverted", "published"]
    assert query(place, "select count(*) from predictions.reverts where is_holding") == [(0,)]
    assert third.is_new


def test_an_erasure_may_be_asked_for_again_and_takes_the_record_of_mails(place: Settings) -> None:
    go(place, scores())
    query(place, "insert into pii.contacts values (7, null, null, null, true, :day)", day=DAY)
    contacts_loaded(place, DAY)
    reserve(place, 1)
    for asked_by in ("first", "second"):
        with engine(place).begin() as connection:
            begin(connection, 7, asked_by)
        removed = erase_predictions(engine(place), 7)
        for _ in range(2):  # a task that is cleared
            with engine(place).begin() as connection:
                finish(connection, 7, {"warehouse": removed})
    assert query(place, "select requested_by, finished_at is not null from pii.erasures") == [
        ("second", True)
    ]
    assert query(place, "select count(*) from predictions.campaign_contacts") == [(0,)]
    assert query(place, "select row_count from predictions.publications") == [(98,)]


def test_a_run_that_promoted_keeps_the_decision_that_it_promoted_by(place: Settings) -> None:
    decision: dict[str, Any] = {
        "training_run": "run", "as_of_date": date(2026, 3, 1), "experiment": "xgb",
        "model_version": "1", "champion_version": None, "objections": [], "summary": "better",
        "figures": {}, "model_card": "card",
    }  # fmt: skip

    def compare(**changes: Any) -> None:
        with engine(place).begin() as connection:
            record_comparison(connection, [], decision | changes)

    def answer(outcome: str) -> None:
        with engine(place).begin() as connection:
            record_outcome(connection, "run", outcome, "ann")

    kept = "select model_version, outcome, summary, decided_by from analytics.model_decisions"
    compare()
    compare(summary="better, again")
    answer("declined")
    compare(model_version="2")
    answer("promoted")
    compare(model_version="3", summary="another")
    answer("promoted")
    assert query(place, kept) == [("2", "promoted", "better", "ann")]
