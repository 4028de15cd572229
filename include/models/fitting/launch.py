"""Start fits: what a run of training fits, and the command that does it."""

import subprocess
import sys

from include.config import load_config
from include.contracts import lake_tables
from include.errors import LakeError, PipelineError
from include.lake.tables import Lake
from include.models.fitting.arguments import fit_command
from include.settings import PROJECT, settings


def experiment_names() -> list[str]:
    """Names of the configured experiments; one task is mapped over each."""
    return [one.name for one in load_config(settings()).experiments.experiments]


def examples_snapshot() -> int:
    """The snapshot of `training.examples` that all experiments of a run read.

    Raises:
        LakeError: The table is empty.
    """
    contract = lake_tables(load_config(settings()).events.names)["training.examples"]
    snapshot = Lake(settings()).snapshot_id(contract)
    if snapshot is None:
        raise LakeError("training.examples is empty: clear `examples.build`")
    return snapshot


def fit_in_subprocess(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> None:
    """Fit one experiment in a process of its own, so that it gets what a pod would get.

    Raises:
        PipelineError: It ended with another exit code than 0; the log holds its last lines.
    """
    command = [sys.executable, *fit_command(experiment, snapshot_id, as_of, training_run)]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                last = line.strip() or last
        except BaseException:
            # A task that is killed must not leave its fit behind.
            process.kill()
            raise
    if process.returncode:
        raise PipelineError(
            f"experiment {experiment} ended with exit code {process.returncode}: {last}. The other "
            "experiments go on; clear `fit` to try it again"
        )
