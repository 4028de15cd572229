"""What a Spark job says when it fails: one sentence, where the task that started it finds it.

Of spark-submit, a task gets an exit code and hundreds of lines, of which the sentence is one.
"""

from include.lake.receipts import receipt_uri, write_record
from include.quality.verdict import Record
from include.settings import Settings
from include.store import is_file, read_whole


class Failure(Record):
    """Why an attempt of a job failed."""

    attempt: str
    sentence: str
    is_final: bool
    """Whether trying again can't help, as long as nobody does something about it."""


def failure_uri(settings: Settings, run: str, job: str) -> str:
    """Where it lies: beside the receipt that the job would have left."""
    return receipt_uri(settings, run, job).removesuffix(".json") + ".failure.json"


def write_failure(uri: str, failure: Failure) -> None:
    """Leave word of a failure."""
    write_record(uri, failure)


def read_failure(uri: str) -> Failure | None:
    """Word of a failure; None if the job left none, as one does that was killed."""
    return Failure.model_validate_json(read_whole(uri)) if is_file(uri) else None
