"""The checksum of rows: blind to order and batches, not to content."""

from datetime import date

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from include.lake.checksum import MASK, NULL, rows_checksum, subtract_checksum, sum_checksums

ROWS = st.lists(st.tuples(st.integers(-9, 9), st.none() | st.text(max_size=3)), max_size=8)


def table(rows: list[tuple[int, str | None]]) -> pa.Table:
    return pa.table(
        {"n": pa.array([n for n, _ in rows], pa.int64()),
         "t": pa.array([t for _, t in rows], pa.string())}
    )  # fmt: skip


@given(ROWS, st.randoms())
def test_order_and_batches_do_not_matter(rows: list, random: object) -> None:  # type: ignore[type-arg]
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    batches = [batch for row in shuffled for batch in table([row]).to_batches()]
    assert rows_checksum(table(rows)) == rows_checksum(batches)


def test_content_matters() -> None:
    one = rows_checksum(table([(1, "a"), (2, "b")]))
    assert one != rows_checksum(table([(1, "b"), (2, "a")]))
    assert one != rows_checksum(table([(1, "a"), (2, "b"), (2, "b")]))
    assert rows_checksum(table([(1, None)])) != rows_checksum(table([(1, "None")]))
    nul = rows_checksum(table([(1, ""), (1, "\x00")]))
    assert nul != rows_checksum(table([(1, ""), (1, "")]))


@given(ROWS, ROWS)
def test_parts_can_be_put_together_and_taken_away(one: list, other: list) -> None:  # type: ignore[type-arg]
    whole = rows_checksum(table(one + other))
    parts = [rows_checksum(table(one)), rows_checksum(table(other))]
    assert sum_checksums(parts) == whole
    assert subtract_checksum(whole, parts[1]) == parts[0]


def test_a_whole_number_is_itself_whoever_stands_beside_it() -> None:
    """As floats, 2^53 and 2^53 + 1 are equal; a null beside them made floats of both."""
    big = 2**53

    def numbers(*values: int | None) -> pa.Table:
        return pa.table({"n": pa.array(values, pa.int64())})

    assert rows_checksum(numbers(None, big)) != rows_checksum(numbers(None, big + 1))
    apart = [batch for value in (None, 7) for batch in numbers(value).to_batches()]
    assert rows_checksum(numbers(None, 7)) == rows_checksum(apart)


@given(ROWS)
def test_each_text_is_hashed_as_pandas_hashes_a_row(rows: list) -> None:  # type: ignore[type-arg]
    """Publications hold checksums that earlier versions made of whole frames."""
    frame = pd.DataFrame(
        {"n": [n for n, _ in rows], "t": [NULL if t is None else t for _, t in rows]}
    )
    hashes = pd.util.hash_pandas_object(frame.astype({"n": "int64"}), index=False, categorize=False)
    assert rows_checksum(table(rows)) == f"{sum(map(int, hashes)) & MASK:016x}"


def test_a_checksum_of_long_ago_is_still_that() -> None:
    rows = pa.table(
        {
            "score_date": [date(2026, 3, 10)] * 2,
            "campaign_id": ["coffee", None],
            "user_id": [7, 2**60],
            "score": [0.25, None],
            "rank": pa.array([1, None], pa.int32()),
        }
    )
    assert rows_checksum(rows) == "3f6b91048c09f6bb"


def test_two_columns_may_have_one_name() -> None:
    once = pa.table({"a": [1], "b": [2]})
    assert rows_checksum(once.rename_columns(["a", "a"])) == rows_checksum(once)
