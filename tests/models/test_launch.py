"""What production will run, in full: a change here is a change there."""

from include.models.fitting.arguments import fit_command


def test_the_training_entry_point_and_its_arguments() -> None:
    assert fit_command("xgb_deep", 42, "2017-12-24", "train_weekly/manual__1") == [
        "-m", "include.models.fit",
        "--experiment", "xgb_deep",
        "--examples-snapshot", "42",
        "--as-of", "2017-12-24",
        "--training-run", "train_weekly/manual__1",
    ]  # fmt: skip
