"""Errors near personal data: what failed is told, the row that it failed on isn't.

Postgres shows the whole row in the details of an error (`Failing row contains (…)`,
`Key (email)=(…)`), and psycopg, SQLAlchemy and the logs of both hand that on.
"""

import logging
import re
from types import TracebackType
from typing import Any

from psycopg import errors

from include.errors import PipelineError, StoreAwayError, WithheldError
from include.store_errors import store_error

_LOGGERS = ("psycopg", "sqlalchemy.pool.impl.QueuePool")
"""They warn of a second error on the way out of a first one, with its text."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class without_values:
    """Let no error out that may hold values of rows: of a database's, only names remain.

    The pipeline's own errors pass. All others, whatever raised them, end here: as `WithheldError`,
    with the same traceback, and without the original as its cause or context. One of the
    store ends as `StoreAwayError` with the store's sentence.

    Example:
        >>> with without_values("loading contacts"):
        ...     int("ann@example.org")
        Traceback (most recent call last):
        include.errors.WithheldError: loading contacts failed: ValueError. Values are withheld
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._filter = _Withhold()  # one each: they may be nested

    def __enter__(self) -> None:
        """Silence what the drivers say by themselves."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._filter)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Replace an error that may hold values."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)
        passes = PipelineError | StoreAwayError
        if error is None or not isinstance(error, Exception) or isinstance(error, passes):
            return
        # What the store says holds names of files and requests, nobody's data.
        of_store = store_error(str(error)) if isinstance(error, OSError) else None
        told = (
            StoreAwayError(f"{self.what} failed: {of_store}")
            if of_store
            else WithheldError(f"{self.what} failed: {_description(error)}. Values are withheld")
        )
        try:
            raise told.with_traceback(traceback)
        except (WithheldError, StoreAwayError):
            # Python noted the original when this one was raised; whoever prints contexts finds it.
            told.__context__ = None
            raise


def _description(error: Exception) -> str:
    original: Any = getattr(error, "orig", None) or error
    parts = [type(original).__name__]
    diag = getattr(original, "diag", None)
    state = getattr(original, "sqlstate", None)  # psycopg's and ADBC's
    if isinstance(state, str) and re.fullmatch(r"[0-9A-Z]{5}", state):
        try:
            parts = [f"{errors.lookup(state).__name__} (SQLSTATE {state})"]
        except KeyError:
            parts.append(f"SQLSTATE {state}")
    names = {
        "table": _joined(diag, "schema_name", "table_name"),
        "column": _joined(diag, "column_name"),
        "constraint": _joined(diag, "constraint_name"),
    }
    parts += [f"{what} {name}" for what, name in names.items() if name]
    return ", ".join(parts)


def _joined(diag: Any, *fields: str) -> str:
    # A trigger may set these to anything.
    given = [str(getattr(diag, field, None) or "") for field in fields]
    return ".".join(name for name in given if _NAME.fullmatch(name))


class _Withhold(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = "an error on the way out of another; its text is withheld", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True
