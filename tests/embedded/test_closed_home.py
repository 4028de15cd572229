"""State and contact data are for their owner's eyes only."""

import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from include.days import Days
from include.embedded.closed_home import FOLDERS
from include.embedded.postgres import start_postgres, stop_postgres
from include.landing.sources import completejourney, synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import Landing
from include.private_folder import make_private
from include.settings import Settings, load_settings

DAY = date(2017, 1, 1)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
            for path in [folder, *folder.rglob("*")]}  # fmt: skip


def test_contact_files_of_both_sources_are_private(tmp_path: Path) -> None:
    day = f"date={DAY}"
    for name in ("synthetic", "real"):
        landing = Landing(str(tmp_path / name))
        # A folder of an earlier version's, open to all.
        (tmp_path / name / "users" / day).mkdir(parents=True)
        if name == "synthetic":
            traffic = Traffic(users=10, listings=10, categories=2, events_per_day=10)
            synthetic.land(landing, traffic, Days(DAY, DAY))
        else:
            completejourney.land(landing, Days(DAY, DAY))
        assert modes(tmp_path / name / "users") == {
            ".": 0o700, day: 0o700, f"{day}/_SUCCESS": 0o600, f"{day}/part-00000.parquet": 0o600,
        }  # fmt: skip
        assert landing.is_complete("users", DAY)
        assert modes(tmp_path / name / "events")["."] == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_somebody_elses_or_everybodys_is_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    make_private(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


@pytest.fixture
def home() -> Iterator[Settings]:
    """An installation of an earlier version's, open to all, whose server was just started."""
    folder = Path(tempfile.mkdtemp(prefix="propensity-home-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "airflow.log").write_text("a log", encoding="utf-8")
    (folder / "airflow.log").chmod(0o644)
    (folder / "lake").mkdir()
    (folder / "lake").chmod(0o755)
    settings = load_settings({"PROPENSITY_HOME": str(folder)})
    assert start_postgres(settings)
    yield settings
    assert stop_postgres(settings)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_the_home_is_closed_once_the_server_runs(home: Settings) -> None:
    assert start_postgres(home) is False, "and it is still found"
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.home.iterdir()}
    assert {name: found.pop(name) for name in (*FOLDERS, "postgres")} == dict.fromkeys(
        (*FOLDERS, "postgres"), 0o700
    )
    assert set(found.values()) == {0o600}
    assert {"airflow.log", "postgres.json"} <= set(found)
    passing = stat.S_IXGRP | stat.S_IXOTH if os.geteuid() == 0 else 0
    assert stat.S_IMODE(home.home.stat().st_mode) == 0o700 | passing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_stranger_on_the_machine_reads_nothing_of_it(home: Settings) -> None:
    (home.home / "lake" / "part.parquet").touch()
    nobody = pwd.getpwnam("nobody")
    for what in ("", "airflow.log", "postgres.json", "lake", "lake/part.parquet", "postgres",
                 "postgres/log"):  # fmt: skip
        path = home.home / what
        command = ["ls", str(path)] if path.is_dir() else ["cat", str(path)]
        ended = subprocess.run(command, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
                               cwd="/", capture_output=True, text=True, check=False)  # fmt: skip
        assert "Permission denied" in ended.stderr, what
