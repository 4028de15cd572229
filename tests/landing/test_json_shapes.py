"""Lines read many at a time say what they say one by one, whatever they are."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.landing.batches import _read_lines
from include.landing.files import LandedFile
from include.landing.json_shapes import MAX_SHAPES, Shapes

FILE = LandedFile("file:///x.json", "json", ())
COLUMNS = ["event_id", "user_id", "value"]

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["7", "null", "a,b", '"', "\\", "\x00", "\ufffd", "ä", "}", "{}", " "]),
    st.lists(st.integers(), max_size=2), st.just({"event_id": 1}),
)  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from([*COLUMNS, "more", "Event_id", "ü"]), VALUES)
WRITTEN = st.builds(
    lambda value, ascii, apart: json.dumps(
        value, ensure_ascii=ascii, separators=(", ", ": ") if apart else (",", ":")
    ).encode(errors="replace"),
    OBJECTS, st.booleans(), st.booleans(),
)  # fmt: skip
ODD = (
    b"{", b"[]", b"7", b"null", b'{"event_id":"a"}x', b'{"event_id":"a","event_id":"b"}',
    b'{"event_id":"a","value":01}', b'{"event_id":"a","value":1.}', b'{"event_id":"a",}',
    b'{"event_id":"a","value":-0}', b'{"event_id":"a","value":1.50E+3}',
    b' {"event_id" :"a" } ', b'\x0b{"event_id":"a"}', b'{"event_id":"a"}\x0c', b"{}",
    b'{"event_id":"\xff"}', b'{"event_id":"a\tb"}', b'{"event_id":"a\x01b"}',
    b'{"event_id":"a","value":+1}', b'{"event_id":"a","value":.5}', b'{"event_id":"a" "b":1}',
    b'{"event_id":"a","value":NaN}', b'{"event_id":"a\xef\xbf\xbd"}', b'{"user_id":7}\x0b',
    b'{"event_id":"\xc3\xa4","value":null}', b'{"event_id":tru}', b'{"event_id":"a\\"}',
    b'{"event_id":"a\\u0000"}', b'{"event_id":["a"]}', b'{"event_id":{"event_id":"a"}}',
    b'{"event_id":"a","value":1e}', b'{"event_id":"a","value":-}', b'{"event_id":"a","value":"1}',
    b'{"event_id":"a","value":1 2}', b'{"event_id":"a""value":1}', b"{'event_id':'a'}",
)  # fmt: skip
KNOWN: list[bytes | None] = [
    b'{"event_id":"p"}', b'{"event_id":"p","value":1}', b'{"event_id":"p","b":1}', b'{"user_id":7}'
]  # fmt: skip
"""So that lines are of a shape that is known."""
LINE = st.one_of(st.none(), WRITTEN, st.sampled_from(ODD))


def rows(lines: list[bytes | None], shapes: Shapes | None) -> list[dict[str, Any]]:
    read = _read_lines(lines, FILE, COLUMNS, shapes)
    rows: list[dict[str, Any]] = pa.table(read).to_pylist()
    return rows


@given(st.lists(LINE, min_size=1, max_size=12), st.integers(1, 12))
@example([b'{"event_id":"\xff"}', b'{"event_id":"a"}'], 2)
@example([b'{"event_id":"a","value":1}', None, b"{", b'{"event_id":"b","value":2}'], 4)
def test_many_at_a_time_say_what_each_says_alone(lines: list[bytes | None], size: int) -> None:
    shapes = Shapes(COLUMNS)
    shapes.read(KNOWN)
    batches = [lines[start : start + size] for start in range(0, len(lines), size)]
    together = [row for batch in batches for row in rows(batch, shapes)]
    assert together == [row for line in lines for row in rows([line], None)]


def test_the_oddest_lines_say_what_they_say_alone() -> None:
    lines = [*KNOWN, *ODD]
    found = rows(lines, Shapes(COLUMNS))
    for line, row, alone in zip(
        lines, found, (rows([line], None)[0] for line in lines), strict=True
    ):
        assert row == alone, line


@pytest.mark.parametrize(
    "wide",
    [
        {"event_id": "b"} | {f"k{n}": n for n in range(9_000)},
        {"event_id": "b", "k" * 900_000: 1},
    ],
    ids=["9,000 names", "a name of 900 KB"],
)
def test_a_wide_line_is_read_singly(wide: dict[str, Any]) -> None:
    """As a regular expression it would be too large, and the whole file unreadable."""
    lines: list[bytes | None] = [
        b'{"event_id":"a"}',
        json.dumps(wide).encode(),
        b'{"event_id":"c"}',
    ]
    assert [row["event_id"] for row in rows(lines, Shapes(COLUMNS))] == ["a", "b", "c"]


def test_odd_lines_at_the_beginning_take_no_later_lines_place() -> None:
    shapes = Shapes(COLUMNS)
    shapes.read([json.dumps({"event_id": "a", f"more{n}": n}).encode() for n in range(50)])
    _, alone = shapes.read([b'{"event_id":"a","user_id":7}'] * 5)
    assert alone == [0, 1, 2, 3, 4], "the eight shapes of the lines before were still tried"
    _, alone = shapes.read([b'{"event_id":"a","user_id":7}'] * 5)
    assert alone == []


def test_values_are_as_they_are_written() -> None:
    lines: list[bytes | None] = [
        b'{"event_id": "a", "user_id": 7, "value": 1.50, "more": true}',
        b'{"event_id": "b", "user_id": 12345678901234567890123, "value": null, "more": "x"}',
        b'{"event_id": "null", "user_id": "8", "value": -0, "more": null}',
    ]
    arrays, alone = Shapes(COLUMNS).read(lines)
    assert alone == []
    assert pa.table(arrays).to_pylist() == [
        {"event_id": "a", "user_id": "7", "value": "1.50"},
        {"event_id": "b", "user_id": "12345678901234567890123", "value": None},
        {"event_id": "null", "user_id": "8", "value": "-0"},
    ]


@pytest.mark.parametrize("shapes", [1, 3, MAX_SHAPES])
def test_lines_of_a_few_shapes_are_all_read_together(shapes: int) -> None:
    lines: list[bytes | None] = [
        json.dumps({"event_id": f"{n}"} | {f"more{m}": n for m in range(n % shapes)}).encode()
        for n in range(50)
    ]
    arrays, alone = Shapes(COLUMNS).read(lines)
    assert alone == []
    assert arrays["event_id"].to_pylist() == [f"{n}" for n in range(50)]


def test_lines_of_a_shape_each_are_read_singly_and_behind_them_no_less() -> None:
    lines: list[bytes | None] = [
        json.dumps({"event_id": f"{n}", f"more{n}": n}).encode() for n in range(100)
    ]
    arrays, alone = Shapes(COLUMNS).read(lines)
    assert len(alone) == 100 - MAX_SHAPES
    assert arrays["event_id"].null_count == len(alone)
