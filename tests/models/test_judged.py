"""Who is judged depends on user ids alone; what was judged survives a file."""

from pathlib import Path

import numpy as np

from include.models.judging.judged import Judged, judge_rows, rows_to_judge
from tests.models.example_files import part


def test_a_sample_holds_whole_users_and_about_as_many_rows_as_asked_for(tmp_path: Path) -> None:
    examples = part(tmp_path, 3, 4_000, 18, files=3)
    everybody, some = (
        np.concatenate([batch["user_id"].to_numpy() for batch in rows_to_judge(examples, rows)])
        for rows in (4_000, 1_000)
    )
    assert len(everybody) == 4_000
    assert 800 < len(some) < 1_200
    of = {user: int((everybody == user).sum()) for user in set(some)}
    assert of == {user: int((some == user).sum()) for user in set(some)}


def test_what_is_kept_tells_users_apart_but_not_who_they_are(tmp_path: Path) -> None:
    examples = part(tmp_path, 3, 400, 18, files=3)
    ids = np.concatenate([b["user_id"].to_numpy() for b in rows_to_judge(examples, 200)])
    judged, recency = judge_rows(examples, 200, {})
    assert len(recency) == judged.rows.num_rows == len(ids)
    assert "user_id" not in judged.rows.column_names
    pairs = set(zip(ids.tolist(), judged.user.tolist(), strict=True))
    assert len(pairs) == len(set(ids.tolist())) == len(set(judged.user.tolist()))
    assert sorted(set(judged.user.tolist())) == list(range(len(pairs)))


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
