"""Ranks and deciles, against a reading of the rule in plain Python."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.predictions.ranks import Ranks, misplaced, tenth

SCHEMA = pa.schema({"campaign_id": pa.string(), "user_id": pa.int64(), "score": pa.float64(),
                    "rank": pa.int32(), "decile": pa.int32()})  # fmt: skip


def ntile(count: int) -> list[int]:
    """Tenths of ranks 1 to n as SQL's ntile(10) deals them."""
    sizes = [count // 10 + (number < count % 10) for number in range(10)]
    return [number + 1 for number, size in enumerate(sizes) for _ in range(size)]


@pytest.mark.parametrize("count", [1, 7, 10, 11, 19, 23, 100, 101, 999])
def test_tenths_are_those_of_ntile(count: int) -> None:
    assert tenth(np.arange(1, count + 1), count).tolist() == ntile(count)


def rows(scores: list[int], gone: set[int]) -> list[dict[str, object]]:
    """A right campaign: users by score, then by number; without some of them."""
    order = sorted(enumerate(scores), key=lambda one: (-one[1], one[0]))
    tenths = ntile(len(scores))
    return [
        {"campaign_id": "cars", "user_id": user, "score": score / 10, "rank": place,
         "decile": tenths[place - 1]}
        for place, (user, score) in enumerate(order, 1)
        if user not in gone
    ]  # fmt: skip


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=40),
    st.sets(st.integers(0, 39), max_size=3),
    st.randoms(use_true_random=False),
)
def test_right_ranks_pass_in_any_order_and_in_any_parts(
    scores: list[int], gone: set[int], random: object
) -> None:
    made = rows(scores, gone)
    random.shuffle(made)  # type: ignore[attr-defined]
    ranks = Ranks(len(gone & set(range(len(scores)))))
    for start in range(0, len(made), 7):
        ranks.add(pa.RecordBatch.from_pylist(made[start : start + 7], SCHEMA))
    assert ranks.problems() == []


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=30),
    st.data(),
)
def test_two_rows_that_change_places_are_seen(scores: list[int], data: st.DataObject) -> None:
    made = rows(scores, set())
    one = data.draw(st.integers(0, len(made) - 2))
    other = data.draw(st.integers(one + 1, len(made) - 1))
    made[one]["rank"], made[other]["rank"] = made[other]["rank"], made[one]["rank"]
    made[one]["decile"], made[other]["decile"] = made[other]["decile"], made[one]["decile"]
    ranks = Ranks(0)
    ranks.add(pa.RecordBatch.from_pylist(made, SCHEMA))
    (problem,) = ranks.problems()
    assert "ranks aren't 1 to n in the order of the scores" in problem


def test_a_gap_is_as_long_as_users_were_erased() -> None:
    made = rows([9, 8, 7, 6], {1})
    columns = {name: np.array([row[name] for row in made])
               for name in ("rank", "score", "user_id", "decile")}  # fmt: skip
    assert misplaced(columns, 1) == (0, 0)
    # Users 2 and 3 stand one too low if nobody is missing; three are dealt into other tenths.
    assert misplaced(columns, 0) == (2, 0)


def test_a_null_is_a_wrong_rank_and_a_wrong_decile() -> None:
    made = rows([9, 8], set())
    made[0] |= {"rank": None, "decile": None}
    ranks = Ranks(0)
    ranks.add(pa.RecordBatch.from_pylist(made, SCHEMA))
    assert len(ranks.problems()) == 2
