"""What a store's error says to the person on call; and that a source can't forge one."""

from types import SimpleNamespace
from typing import Any

import pytest

from include.errors import LandingError
from include.landing.zone import _ODD
from include.orchestration import task_state_listener
from include.store_errors import _OTHERS, store_error

ARROW = "When getting information for key 'lake/a' in bucket 'market': AWS Error {} during HeadObject operation: No response body."  # noqa: E501


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("ACCESS_DENIED", "these credentials may not"),
        ("NETWORK_CONNECTION", "can't be reached"),
        ("UNKNOWN (HTTP status 503)", "UNKNOWN (HTTP status 503)"),
        ("UNKNOWN (HTTP status 301)", "UNKNOWN (HTTP status 301)"),
    ],
)
def test_an_error_of_pyarrow_names_request_and_reason(
    kind: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://ann:s3cr3t@store.example")
    told = store_error(ARROW.format(kind))
    assert told is not None
    assert told.startswith(
        "the store at https://store.example: HeadObject of market/lake/a failed: "
    )
    assert reason in told
    assert "s3cr3t" not in told


def test_a_session_that_expired_keeps_its_token() -> None:
    told = store_error("Generic S3 error: <Code>ExpiredToken</Code><Token-0>abc/def</Token-0>")
    assert told is not None
    assert "abc" not in told


def test_other_errors_are_none_of_it() -> None:
    assert store_error("could not connect to server") is None
    assert store_error("/x/S3UploadFailedError.csv.gz: can't be read to its end") is None


def test_every_mark_has_a_letter_that_no_landing_files_name_may_have() -> None:
    assert all(_ODD.search(mark) for mark in _OTHERS)


def test_a_sentence_of_ours_stays_whatever_it_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(task_state_listener, "record", lambda *said: told.append(said[2]))
    task = SimpleNamespace(state=None)
    quoted = "'AWS Error NETWORK_CONNECTION during GetObject operation.csv': its name is odd"
    task_state_listener.on_task_instance_failed(None, task, LandingError(quoted))
    task_state_listener.on_task_instance_failed(None, task, OSError(ARROW.format("SLOW_DOWN")))
    assert told[0] == quoted
    assert "asked less often" in told[1]
