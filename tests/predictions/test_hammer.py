"""Readers in four processes never see half a day, whatever is published or reverted meanwhile."""

from include.settings import Settings
from tests.predictions.hammer import READERS, hammer


def test_no_reader_ever_sees_a_mixed_or_partial_day(place: Settings) -> None:
    seen = hammer(place, users=300, changes=15).readers
    assert len(seen) == READERS
    assert all(reader.reads > 15 for reader in seen)
    assert [problem for reader in seen for problem in reader.inconsistent] == []
