"""What a fit runs on: device, threads, and how many processes share the work."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from include.errors import PipelineError

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""Share and period of CPU time in cgroups of version 2."""
CPU_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
"""The share in cgroups of version 1; the period lies beside it."""


@dataclass(frozen=True)
class Compute:
    """Where one process of a fit runs."""

    device: str
    """`cpu` or `cuda`."""
    threads: int
    """CPU threads of this process."""
    rank: int = 0
    """Which of the processes that fit together this one is."""
    world: int = 1
    """How many there are."""

    @property
    def torch_device(self) -> str:
        """For torch: each process has a GPU of its own."""
        return f"cuda:{self.rank}" if self.device == "cuda" else "cpu"


def available_threads() -> int:
    """CPUs that this process may use: of a pod, what it was given rather than what its node has."""
    allowed = len(os.sched_getaffinity(0))
    try:
        if CPU_MAX.exists():
            share, period = CPU_MAX.read_text(encoding="utf-8").split()
        else:
            share = CPU_QUOTA.read_text(encoding="utf-8").strip()
            period = CPU_QUOTA.with_name("cpu.cfs_period_us").read_text(encoding="utf-8").strip()
        if share not in ("max", "-1"):
            allowed = min(allowed, max(1, int(share) // int(period)))
    except (OSError, ValueError):
        pass  # not in a cgroup, or in one of another kind
    return allowed


def pick_compute(wanted: str, family: str) -> Compute:
    """The device that is asked for; `auto` takes a GPU where there is one.

    Under torchrun, the process is one of several.

    Raises:
        PipelineError: `cuda` is asked for and there is no such device.
    """
    device = "cuda" if wanted != "cpu" and _has_gpu(family) else "cpu"
    if wanted == "cuda" and device == "cpu":
        raise PipelineError("device cuda was asked for, but this machine has no usable GPU")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    return Compute(
        device=device,
        threads=max(1, available_threads() // world),
        rank=int(os.environ.get("RANK", "0")),
        world=world,
    )


def _has_gpu(family: str) -> bool:
    if family == "xgboost" and not Path("/dev/nvidiactl").exists():
        return False  # torch would know, but takes seconds to import
    import torch

    return bool(torch.cuda.is_available())


def become_several(processes: int, arguments: list[str]) -> None:
    """Go on as torchrun with that many processes of this entry point; returns in each of those.

    Args:
        processes: How many; with one, nothing happens.
        arguments: Of the entry point.
    """
    if processes <= 1 or "LOCAL_RANK" in os.environ:
        return
    sys.stdout.flush()
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    os.execv(
        sys.executable,
        [sys.executable, *torchrun, "-m", "include.models.fit", *arguments],
    )
