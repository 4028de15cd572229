"""What the S3 store's errors say to the person on call. Imports nothing heavy: DAGs import it."""

import os
import re

_ARROW = re.compile(r"AWS Error (?P<kind>\w+) during (?P<operation>\w+) operation")
_WHERE = re.compile(r"(?:for|with) key '(?P<key>[^']*)' in bucket '(?P<bucket>[^']*)'")
_BUCKET = re.compile(r"in bucket '(?P<bucket>[^']*)'")
_OTHERS = (
    "Generic S3 error",  # Sail's
    "Error performing ",  # Sail's, of single requests
    "Could not connect to the endpoint URL",  # boto3's, for MLflow
    "Read timeout on endpoint URL",
    "S3UploadFailedError",
    "An error occurred (",
)
_REASONS = {
    "NETWORK_CONNECTION": "it can't be reached, or doesn't answer",
    "ACCESS_DENIED": "it refuses: these credentials may not do this",
    "INVALID_ACCESS_KEY_ID": "it refuses: it doesn't know this access key",
    "SIGNATURE_DOES_NOT_MATCH": "it refuses: the secret key isn't the one of this access key",
    "NO_SUCH_BUCKET": "there is no such bucket: make it first",
    "SLOW_DOWN": "it asks to be asked less often",
    "SERVICE_UNAVAILABLE": "it is not available",
    "INTERNAL_FAILURE": "it failed itself",
}


def endpoint() -> str:
    """Where the store is; empty for Amazon's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")


def store_error(said: str) -> str | None:
    """What an error says of the store, as a sentence; None if it isn't about the store.

    Args:
        said: The text of an error of PyArrow, Sail or boto3.
    """
    where = endpoint() or "Amazon S3"
    if found := _ARROW.search(said):
        kind, operation = found["kind"], found["operation"]
        place = _WHERE.search(said) or _BUCKET.search(said)
        named = "" if place is None else " of " + "/".join(reversed(place.groups()))
        reason = _REASONS.get(kind, kind)
        return _sentence(where, f"{operation}{named}", reason)
    for line in said.splitlines():
        if any(text in line for text in _OTHERS):
            return _sentence(where, "a request", line.strip()[:300])
    return None


def _sentence(where: str, what: str, reason: str) -> str:
    return (
        f"the store at {where}: {what} failed: {reason}. Nothing half is visible; when the store "
        "answers, clear this task. It is addressed by the AWS_* variables of the process"
    )
