"""The race of `race.py`, a few rounds of it: what readers see holds together after each."""

from include.settings import Settings
from tests.predictions.race import race


def test_whoever_is_killed_wherever_readers_see_what_holds_together(place: Settings) -> None:
    ended = race(place, rounds=6, seed=7, say=lambda _: None)
    assert ended["rounds"] == 6
    assert ended["killed"] > 5
