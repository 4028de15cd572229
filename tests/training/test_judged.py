"""Who is judged depends on user ids alone; what was judged survives a file."""

from pathlib import Path

import numpy as np

from include.training.judged import Judged, judge_rows
from tests.training.example_files import part


def test_a_sample_holds_whole_users_and_about_as_many_rows_as_asked_for(tmp_path: Path) -> None:
    examples = part(tmp_path, 3, 4_000, 18, files=3)
    everybody, _ = judge_rows(examples, 4_000, {})
    some, recency = judge_rows(examples, 1_000, {})
    assert everybody.rows.num_rows == 4_000
    assert len(recency) == some.rows.num_rows
    assert 800 < some.rows.num_rows < 1_200
    of = {user: int((everybody.user == user).sum()) for user in set(some.user)}
    assert of == {user: int((some.user == user).sum()) for user in set(some.user)}


def test_the_sample_is_the_same_in_other_files_and_with_other_batches(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    samples = [
        judge_rows(part(tmp_path / name, 3, 4_000, 18, files), 500, {})[0].rows
        for name, files in (("one", 1), ("many", 7))
    ]
    assert samples[0].equals(samples[1])


def test_a_file_gives_back_what_was_judged(tmp_path: Path) -> None:
    judged, recency = judge_rows(part(tmp_path, 3, 100, 18), 1_000, {})
    judged.probability["mine"] = recency / 100
    again = Judged.from_parquet(judged.to_parquet())
    assert again.rows.equals(judged.rows)
    np.testing.assert_array_equal(again.probability["mine"], judged.probability["mine"])
