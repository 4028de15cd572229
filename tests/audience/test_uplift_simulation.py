"""The simulation of `uplift_simulation`, small: its intervals hold the truth, and it can tell."""

from include.settings import Settings
from tests.audience.uplift_simulation import SCENARIOS, simulate

EXPERIMENTS = 200
# 190 of 200 are expected, give or take three: these are three times as far away.
LEAST, MOST = 0.90, 0.995


def test_intervals_hold_the_true_effect_whatever_goes_wrong(place: Settings) -> None:
    number, everything = next(
        (n, s) for n, s in enumerate(SCENARIOS) if s.name == "all of it at once"
    )
    result = simulate(place, everything, number, EXPERIMENTS)
    assert result.measured == EXPERIMENTS
    assert LEAST <= result.covered <= MOST
    assert abs(result.bias) < 0.015


def test_comparing_whoever_was_mailed_would_be_noticed(place: Settings) -> None:
    """With users whom no mail reaches in control alone, intervals miss the effect."""
    number, unreachable = next(
        (n, s) for n, s in enumerate(SCENARIOS) if s.name == "40 % without an address"
    )
    result = simulate(place, unreachable, number, EXPERIMENTS)
    assert result.covered >= LEAST
    assert result.covered_if_mailed < 0.5
