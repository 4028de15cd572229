"""Rows made for COPY by column are, in Postgres, the rows that they were made of."""

from datetime import date

import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.database.address import database_url
from include.predictions.copy_rows import HEADER, MAX_KINDS, TRAILER, binary_rows
from include.settings import Settings

SCHEMA = pa.schema({
    "day": pa.date32(), "campaign": pa.string(), "user_id": pa.int64(), "score": pa.float64(),
    "rank": pa.int32(), "decile": pa.int16(), "arm": pa.string(),
})  # fmt: skip
TABLE = (
    "create temporary table copied (day date, campaign text, user_id bigint, "
    "score double precision, rank integer, decile smallint, arm text)"
)
# Postgres takes no NUL in a text, and halves of pairs are no UTF-8.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
ROW = st.fixed_dictionaries({
    "day": st.dates(min_value=date(1, 1, 1)), "campaign": TEXT,
    "user_id": st.integers(-(2**63), 2**63 - 1), "score": st.floats(allow_nan=False),
    "rank": st.integers(-(2**31), 2**31 - 1), "decile": st.integers(-(2**15), 2**15 - 1),
    "arm": st.sampled_from(["treatment", "control"]),
})  # fmt: skip


def copied(uri: str, batches: list[pa.RecordBatch]) -> list[tuple[object, ...]]:
    """What Postgres makes of them."""
    with psycopg.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        with cursor.copy("copy copied from stdin (format binary)") as copy:
            copy.write(HEADER)
            for batch in batches:
                for rows in binary_rows(batch):
                    copy.write(rows)
            copy.write(TRAILER)
        found = cursor.execute("select * from copied").fetchall()
        connection.rollback()
    return sorted(found, key=repr)


def test_three_rows_by_hand(place: Settings) -> None:
    rows = [
        (date(2026, 3, 1), "coffee", 7, 0.25, 1, 1, "treatment"),
        (date(2026, 3, 1), "tea", 8, 0.125, 2, 10, "control"),
        (date(1999, 12, 31), "", -1, 0.0, 0, -5, "control"),
    ]
    batch = pa.RecordBatch.from_pylist(
        [dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA
    )
    assert copied(database_url(place, "warehouse"), [batch]) == sorted(rows, key=repr)
    first = next(binary_rows(batch.slice(0, 1)))
    assert first[:10] == b"\x00\x07" + b"\x00\x00\x00\x04" + (9556).to_bytes(4, "big")


@pytest.fixture
def uri(place: Settings) -> str:
    return database_url(place, "warehouse")


def test_any_rows(uri: str) -> None:
    @settings(max_examples=60)
    @given(st.lists(st.lists(ROW, max_size=12), max_size=3))
    def same(batches: list[list[dict[str, object]]]) -> None:
        made = [pa.RecordBatch.from_pylist(rows, SCHEMA) for rows in batches]
        expected = [tuple(row[name] for name in SCHEMA.names) for rows in batches for row in rows]
        assert copied(uri, made) == sorted(expected, key=repr)

    same()


@pytest.mark.parametrize("name", SCHEMA.names)
def test_a_null_is_refused_by_its_columns_name(name: str) -> None:
    row = {"day": date(2026, 3, 1), "campaign": "a", "user_id": 1, "score": 0.5, "rank": 1,
           "decile": 1, "arm": "control"}  # fmt: skip
    batch = pa.RecordBatch.from_pylist([row, row | {name: None}], SCHEMA)
    with pytest.raises(ValueError, match=f"^{name} is null in 1 rows$"):
        list(binary_rows(batch))


def test_types_and_texts_that_are_no_scores_are_refused() -> None:
    numbers = pa.RecordBatch.from_pydict({"one": pa.array([1, 2], pa.int16())})
    assert list(binary_rows(numbers)) == [b"\0\1\0\0\0\2\0\1\0\1\0\0\0\2\0\2"]
    with pytest.raises(ValueError, match="flag is of type bool"):
        list(binary_rows(pa.RecordBatch.from_pydict({"flag": [True]})))
    many = pa.RecordBatch.from_pydict({"text": [f"{n}" for n in range(MAX_KINDS + 1)]})
    with pytest.raises(ValueError, match="10,001 different combinations"):
        list(binary_rows(many))
