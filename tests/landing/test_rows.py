"""Landed text is cut into lines, whatever the chunks it comes in."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.landing import files
from include.landing.files import text_lines

LONGEST = 4


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bcd"])).map(b"".join),
       st.integers(1, 7))  # fmt: skip
def test_lines_are_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, data: bytes, chunk_bytes: int
) -> None:
    monkeypatch.setattr(files, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(files, "MAX_LINE_BYTES", LONGEST)
    found = list(text_lines(io.BytesIO(data)))
    whole = data.splitlines()
    assert len(found) == len(whole)
    for line, expected in zip(found, whole, strict=True):
        # Its end counts for its length, so there is some room.
        assert line == expected or (line is None and len(expected) > LONGEST - 2)
        assert line is not None or len(expected) > LONGEST - 2
        assert line is None or len(line) <= LONGEST
