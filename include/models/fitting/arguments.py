"""Arguments of the training entry point: the same for a subprocess and for a pod."""


def fit_arguments(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> list[str]:
    """Arguments of the training entry point: the same for a subprocess and for a pod."""
    return [
        "--experiment", experiment,
        "--examples-snapshot", str(snapshot_id),
        "--as-of", as_of,
        "--training-run", training_run,
    ]  # fmt: skip


def fit_command(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> list[str]:
    """What Python runs in a subprocess; in the training image it is the entry point."""
    return [
        "-m",
        "include.models.fit",
        *fit_arguments(experiment, snapshot_id, as_of, training_run),
    ]
