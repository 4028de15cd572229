"""What an audit says: one result an expectation."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["critical", "warning"]


class Record(BaseModel):
    """Something that is written down and read back: unknown keys are errors, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpectationResult(Record):
    """What one expectation said about a staged table."""

    expectation: str
    column: str
    severity: Severity
    success: bool
    reason: str
    """Why the expectation holds for good data."""
    observed: str = ""
    """What was seen instead, where it failed."""
