"""Which device, how many threads, and what a person is told where there is none."""

import os
import sys
from pathlib import Path

import pytest

from include.errors import PipelineError
from include.models.fitting import compute
from include.models.fitting.compute import Compute, available_threads, become_several, pick_compute


@pytest.mark.parametrize(
    ("content", "threads"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 8)]
)
def test_a_pod_uses_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, threads: int
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(content, encoding="utf-8")
    monkeypatch.setattr(compute, "CPU_MAX", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert available_threads() == threads


def test_the_older_kind_of_cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text("300000\n", encoding="utf-8")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n", encoding="utf-8")
    monkeypatch.setattr(compute, "CPU_MAX", tmp_path / "none")
    monkeypatch.setattr(compute, "CPU_QUOTA", tmp_path / "cpu.cfs_quota_us")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert available_threads() == 3


@pytest.mark.parametrize("family", ["xgboost", "torch"])
def test_auto_takes_the_cpu_where_there_is_no_gpu_and_cuda_fails(family: str) -> None:
    assert pick_compute("auto", family).device == "cpu"
    with pytest.raises(PipelineError, match="device cuda was asked for, but this machine has no"):
        pick_compute("cuda", family)


def test_under_torchrun_each_process_knows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "2")
    found = pick_compute("cpu", "torch")
    assert (found.rank, found.world) == (2, 3)
    assert Compute("cuda", 1, rank=2, world=3).torch_device == "cuda:2"


def test_several_processes_are_torchruns(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, arguments: called.append(arguments))
    become_several(1, ["--x"])
    become_several(2, ["--x", "1"])
    monkeypatch.setenv("LOCAL_RANK", "0")
    become_several(2, ["--x"])
    assert called == [
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         "-m", "include.models.fit", "--x", "1"]
    ]  # fmt: skip
