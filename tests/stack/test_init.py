"""Accounts of the UI: from the environment, for their owner's eyes only."""

import json
import stat
from pathlib import Path

import pytest

from include.stack.init import write_accounts


def test_accounts_are_those_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "airflow" / "passwords.json"
    for password in ("first", "second"):
        monkeypatch.setenv("ADMIN_PASSWORD", password)
        monkeypatch.setenv("VIEWER_PASSWORD", "v")
        write_accounts(path)
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found == {"admin": password, "viewer": "v"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_password_there_is_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    with pytest.raises(KeyError, match="ADMIN_PASSWORD"):
        write_accounts(tmp_path / "passwords.json")
