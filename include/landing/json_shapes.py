"""Lines of JSON read many at a time: those with the same names in the same order, and no oddities.

One by one (`rows.json_texts`), lines take four times as long and hold Python's one interpreter
lock, so that threads don't help. Here a regular expression that is strict about JSON reads all
lines of a shape in Arrow; whatever it doesn't match, by a nested value, an escape or a misplaced
comma, is read one by one. Both ways say the same.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.landing.parquet_values import REPLACEMENT, TEXT
from include.landing.rows import json_texts

MAX_SHAPES = 8
"""At a time. Where each line has names of its own there are more; those are read singly."""
MAX_NAMES, MAX_NAME_LENGTH = 64, 100
"""Of a shape: a regular expression has bounds, and wide ones take long."""
_BLANK = r"[ \t]*"
_VALUE = r'"[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null'
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.$ -]+")


class Shapes:
    """The shapes of a file's lines, as they are met."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Nothing is known yet.

        Args:
            columns: What to read.
        """
        self.columns = columns
        self._patterns: list[tuple[tuple[str, ...], str]] = []

    def read(self, lines: Sequence[bytes | None]) -> tuple[dict[str, pa.Array], list[int]]:
        """The columns' values of the lines that are of a shape, as they are written.

        Args:
            lines: Lines of JSON; None for one that isn't to be read.

        Returns:
            A column of texts a name, each with an entry a line, null for what isn't there; and the
            places of the lines that have to be read one by one, whose entries are all null.
        """
        texts = _sound(lines)
        is_open = texts.is_valid().to_numpy(zero_copy_only=False)
        places, single = np.flatnonzero(is_open), [np.flatnonzero(~is_open)]
        found: list[tuple[NDArray[np.int64], dict[str, pa.Array]]] = []
        known = iter(list(self._patterns))
        read_by: Counter[tuple[tuple[str, ...], str]] = Counter()
        while len(places):
            one = next(known, None) or self._learn(lines[places[0]])
            if one is None:
                # Of no shape itself, or of one too many: whoever stands behind it has a chance.
                last = 1 if len(self._patterns) < MAX_SHAPES and len(single) < MAX_SHAPES else None
                single.append(places[:last])
                places = places[last:] if last else places[:0]
                continue
            names, pattern = one
            read = pc.extract_regex(texts.take(pa.array(places)), pattern)
            is_read = read.is_valid().to_numpy(zero_copy_only=False)
            if is_read.any():
                rows = read.filter(pa.array(is_read))
                values = {name: _value(rows.field(f"c{n}")) for n, name in enumerate(names)}
                found.append((places[is_read], values))
                read_by[one] += len(rows)
                places = places[~is_read]
        # Most first; what nothing was like makes room for the next lines' shapes.
        self._patterns = [one for one, _ in read_by.most_common()]
        alone = np.sort(np.concatenate(single))
        return self._together(found, alone), alone.tolist()

    def _learn(self, line: bytes | None) -> tuple[tuple[str, ...], str] | None:
        """The names of a line's columns and the pattern of lines like it; None if it has none."""
        values = json_texts(line) if line and len(self._patterns) < MAX_SHAPES else None
        if not values or len(values) > MAX_NAMES:
            return None
        if not all(len(n) <= MAX_NAME_LENGTH and _PLAIN_NAME.fullmatch(n) for n in values):
            return None
        wanted = [name for name in values if name in self.columns]
        if not wanted:
            return None
        members = (
            f'{_BLANK}"{re.escape(name)}"{_BLANK}:{_BLANK}'
            + (f"(?P<c{wanted.index(name)}>{_VALUE})" if name in wanted else f"(?:{_VALUE})")
            + _BLANK
            for name in values
        )
        pattern = rf"^{_BLANK}\{{{','.join(members)}\}}{_BLANK}\z"
        if not pc.match_substring_regex(_sound([line]), pattern)[0].as_py():
            return None
        self._patterns.append((tuple(wanted), pattern))
        return self._patterns[-1]

    def _together(
        self, found: list[tuple[NDArray[np.int64], dict[str, pa.Array]]], alone: NDArray[np.int64]
    ) -> dict[str, pa.Array]:
        """The entries of all lines in the lines' order."""
        parts = [*found, (alone, {})]
        order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")
        together = {}
        for name in self.columns:
            arrays = [
                values[name] if name in values else pa.nulls(len(places), TEXT)
                for places, values in parts
            ]
            together[name] = pa.concat_arrays(arrays).take(pa.array(order))
        return together


def _sound(lines: Sequence[bytes | None]) -> pa.Array:
    """Lines as texts; null for bytes that are none, or were none before somebody replaced them."""
    try:
        texts = pa.array(lines, pa.binary()).cast(TEXT)
    except pa.ArrowInvalid:
        texts = pa.array([line and line.decode(errors="replace") for line in lines], TEXT)
    return pc.if_else(pc.match_substring(texts, REPLACEMENT), None, texts)


def _value(written: pa.Array) -> pa.Array:
    """Values as texts: without their quotes, and null for `null`."""
    is_text = pc.starts_with(written, '"')
    bare = pc.if_else(is_text, pc.utf8_slice_codeunits(written, 1, -1), written)
    return pc.if_else(pc.equal(written, "null"), None, bare)
