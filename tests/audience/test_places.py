"""The search after an erasure finds the user wherever rows lie, staged files included."""

from include.audience.places import places_of
from include.contracts.core import REJECTED_EVENTS, USERS
from include.lake.commit import commit
from include.lake.erasure import erase_rows
from include.lake.tables import Lake
from include.settings import Settings
from tests.lake.test_tables import DAY, stage
from tests.predictions.score_rows import go, query, scores


def test_every_place_is_found_and_nothing_where_nobody_is(place: Settings) -> None:
    lake = Lake(place)
    commit(lake, USERS, [DAY], stage(lake, "a", {DAY: [1, 2]}), {})
    stage(lake, "waits-at-a-gate", {DAY: [2, 3]})
    lake.create(REJECTED_EVENTS)
    go(place, scores(users=5))
    query(place, "insert into pii.contacts values (2, 'a@example.org', null, null, true, :day)",
          day=DAY)  # fmt: skip
    number = query(place, "select max(publication_id) from predictions.publications")[0][0]
    assert places_of(place, 2) == {
        "pii.contacts": 1,
        f"predictions.publication_{number}": 2,
        "lake core.users": 1,
        "lake core.users (in no current snapshot)": 1,
    }
    erase_rows(lake, USERS, 2)
    left = places_of(place, 2)
    assert "lake core.users" not in left
    assert left["lake core.users (in no current snapshot)"] == 2  # until `expire`, and the stage
    assert places_of(place, 99) == {}
