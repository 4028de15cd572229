"""The embedded Airflow's own leavings: old ones go, what is young or in use stays."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from include.database.address import database_url
from include.database.server import prepare
from include.embedded.environment import airflow_environment
from include.embedded.upkeep import maintain_airflow, put_aside, remove_old_files
from include.settings import PROJECT, Settings

NOW = datetime.now(UTC)


def aged(path: Path, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("said")
    then = time.time() - days * 86_400
    for one in (path, path.parent, path.parent.parent):
        os.utime(one, (then, then))
    return path


def test_old_rows_and_logs_of_airflow_go(
    place: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(place)
    environment = airflow_environment(place) | {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(place, "airflow", "psycopg2")
    }
    command = [sys.executable, "-m", "include.embedded.airflow_database"]
    subprocess.run(command, env=environment, cwd=PROJECT, check=True, capture_output=True)
    database = create_engine(database_url(place, "airflow", "psycopg"))
    run = text(
        "insert into dag_run (dag_id, run_id, run_type, state, start_date, run_after, "
        "clear_number, log_template_id) select 'd', :name, 'scheduled', 'success', :at, :at, 0, "
        "max(id) from log_template"
    )
    try:
        with database.begin() as connection:
            for name, days in (("older", 200), ("old", 100), ("young", 80)):
                at = NOW - timedelta(days=days)
                connection.execute(run, {"name": name, "at": at})
                entry = text("insert into log (dttm, event) values (:at, :name)")
                connection.execute(entry, {"name": name, "at": at})
        old = aged(place.home / "airflow" / "logs" / "dag_id=d" / "run_id=old" / "1.log", 100)
        young = aged(place.home / "airflow" / "logs" / "dag_id=d" / "run_id=young" / "1.log", 80)
        # As in a task of Airflow's, where its database's address is withheld.
        monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
        for _ in range(2):
            maintain_airflow()
        with database.begin() as connection:
            runs = set(connection.scalars(text("select run_id from dag_run where dag_id = 'd'")))
            named = text("select event from log where event in ('older', 'old', 'young')")
            events = set(connection.scalars(named))
            archived = connection.scalar(
                text("select count(*) from pg_tables where tablename like '\\_airflow\\_deleted%'")
            )
        assert (runs, events, archived) == ({"young"}, {"young"}, 0)
        assert not old.parent.exists()
        assert young.exists()
        assert "[maintain] Airflow: its rows and 1 log files from before" in capsys.readouterr().out
    finally:
        database.dispose()


def test_logs_go_by_age_and_young_empty_folders_stay(tmp_path: Path) -> None:
    old = aged(tmp_path / "scheduler" / "2026-01-01" / "dag.py.log", 9)
    (tmp_path / "scheduler" / "latest").symlink_to(old.parent)
    young = tmp_path / "dag_id=d" / "run_id=r"
    young.mkdir(parents=True)
    (young / "1.log").write_text("now")
    empty = tmp_path / "dag_id=d" / "run_id=begins"
    empty.mkdir()
    assert remove_old_files(tmp_path, NOW - timedelta(days=7)) == 1
    assert not old.parent.exists()
    assert (young / "1.log").exists()
    assert empty.exists()
    assert remove_old_files(tmp_path, NOW - timedelta(days=7)) == 0
    assert remove_old_files(tmp_path / "nowhere", NOW) == 0


def test_two_may_delete_logs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        aged(tmp_path / "dag_id=d" / "run_id=r" / f"{number}.log", 9)
    walk, before = os.walk, NOW - timedelta(days=7)

    def while_another(folder: Path, **how: bool) -> Iterator[Any]:
        for found in walk(folder, **how):
            if found[2]:
                monkeypatch.setattr(os, "walk", walk)
                assert remove_old_files(tmp_path, before) == 3
            yield found

    monkeypatch.setattr(os, "walk", while_another)
    assert remove_old_files(tmp_path, before) == 0
    assert list(tmp_path.rglob("*.log")) == []

    for number in range(3):
        aged(tmp_path / "dag_id=d" / "run_id=r" / f"{number}.log", 9)

    def while_one_goes(folder: Path, **how: bool) -> Iterator[Any]:
        for found in walk(folder, **how):
            for name in found[2][:1]:
                (Path(found[0]) / name).unlink()
            yield found

    monkeypatch.setattr(os, "walk", while_one_goes)
    assert remove_old_files(tmp_path, before) == 2, "the others go all the same"


def test_a_large_log_is_put_aside_while_somebody_appends(tmp_path: Path) -> None:
    log = tmp_path / "airflow.log"
    assert not put_aside(log, 10)
    with log.open("ab", buffering=0) as appending:
        for round_ in (b"1", b"2"):
            appending.write(round_ * 20)
            assert put_aside(log, 10)
            assert (tmp_path / "airflow.log.1").read_bytes() == round_ * 20
            appending.write(b"rest")
            assert log.read_bytes() == b"rest"
            os.truncate(log, 0)
    assert not put_aside(log, 10)
