"""Columns of landed Parquet files as one of the few types that rows are read with.

What a column is for decides: an id that is a float is a text here, so that both engines see the
same digits. What has no counterpart (bytes that are no text, times that no clock has) spoils its
row alone.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.string()
TIME = pa.timestamp("us", "UTC")
REPLACEMENT = "\ufffd"
"""What readers and senders put for bytes that no text in UTF-8 has: where it stands, two texts that
were not equal may be."""

IDS = frozenset({"user_id", "listing_id"})
NUMBERS = frozenset({"value", "price"})
TIMES = frozenset({"occurred_at", "registered_at", "updated_at"})
FACTORS = {"s": 1_000_000, "ms": 1_000, "us": 1}


@dataclass(frozen=True)
class Values:
    """A column of a batch."""

    array: pa.Array
    spoilt: pa.Array
    """Booleans: whose row can't be read."""
    shown: Callable[[], pa.Array]
    """Makes the texts that say what stood there: ten times the reading, and few are asked for."""


def kind_of(name: str, kind: pa.DataType) -> pa.DataType:
    """What a column is read as.

    Example:
        >>> kind_of("user_id", pa.int32()), kind_of("user_id", pa.float64())
        (DataType(int64), DataType(string))
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    # Half of what 64 bits hold without a sign has no place in 64 bits with one.
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind) and name in IDS | NUMBERS:
        return pa.int64()
    if pa.types.is_floating(kind) and name in NUMBERS:
        return pa.float64()
    if pa.types.is_timestamp(kind) and name in TIMES:
        return TIME
    return TEXT


def read_values(name: str, array: pa.Array) -> Values:
    """A column as its `kind_of`."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind, sound = kind_of(name, array.type), pa.array([False] * len(array))
    if pa.types.is_timestamp(array.type):
        times, spoilt = _microseconds(array)

        def shown() -> pa.Array:
            return pc.if_else(spoilt, array.cast(pa.int64()).cast(TEXT), times.cast(TEXT))

        return Values(times if kind == TIME else shown(), spoilt, shown)
    if kind != TEXT:
        return Values(array.cast(kind), sound, lambda: array.cast(TEXT))
    if _is_bytes(array.type):
        texts, spoilt = _texts(array)
    elif pa.types.is_integer(array.type) or pa.types.is_date(array.type):
        texts, spoilt = array.cast(TEXT), sound
    else:
        texts, spoilt = _spelled(array)
    return Values(texts, spoilt, lambda: texts)


def as_text(array: pa.Array) -> pa.Array:
    """Values of any `kind_of` as texts, where another file's are texts."""
    if pa.types.is_floating(array.type):
        # Arrow makes 7 of 7.0, which would be another kind of number.
        return _spelled(array)[0]
    return array.cast(TEXT)


def _microseconds(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    numbers = array.cast(pa.int64())
    if array.type.unit == "ns":
        # Down to the microsecond before, also before 1970.
        whole = pc.divide(numbers, 1_000)
        is_above = pc.greater(pc.multiply(whole, 1_000), numbers)
        numbers, spoilt = pc.subtract(whole, is_above.cast(pa.int64())), None
    else:
        factor = FACTORS[array.type.unit]
        most = (2**63 - 1) // factor
        spoilt = pc.or_(pc.greater(numbers, most), pc.less(numbers, -most))
        spoilt = pc.fill_null(spoilt, False)
        numbers = pc.multiply(pc.if_else(spoilt, None, numbers), factor)
    # Without a zone, its digits are those of a clock in UTC.
    return numbers.cast(TIME), pa.array([False] * len(array)) if spoilt is None else spoilt


def _texts(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    try:
        texts = array.cast(TEXT)
        texts.validate(full=True)
    except pa.ArrowInvalid:
        found = array.cast(pa.large_binary()).to_pylist()
        texts = pa.array([value and value.decode(errors="replace") for value in found], TEXT)
    return texts, pc.fill_null(pc.match_substring(texts, REPLACEMENT), False)


def _spelled(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    texts: list[str | None] = []
    spoilt: list[bool] = []
    for scalar in array:
        try:
            texts.append(_spell(scalar.as_py()))
            spoilt.append(REPLACEMENT in (texts[-1] or ""))
        except (ValueError, OverflowError, pa.ArrowException):
            texts.append(f"(a {array.type} that can't be shown)")
            spoilt.append(True)
    return pa.array(texts, TEXT), pa.array(spoilt, pa.bool_())


def _spell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, default=_said, ensure_ascii=False)
    return _said(value)


def _said(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind)
    )  # fmt: skip
