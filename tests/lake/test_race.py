"""The race of `race.py`, a few rounds of it: ledger and lake hold together after each."""

from pathlib import Path

from include.settings import Settings
from tests.lake.race import race


def test_whoever_publishes_beside_whom_and_is_killed_wherever(
    place: Settings, tmp_path: Path
) -> None:
    ended = race(place, rounds=3, seed=2, seen=tmp_path, say=lambda _: None)
    assert ended["rounds"] == 3
    assert ended["killed"] > 0  # how many, chance and the machine say
