"""What the S3 store's errors say to the person on call. Imports nothing heavy: DAGs import it."""

import os
import re

_ARROW = re.compile(
    r"AWS Error (?P<kind>[A-Z_]+(?: \(HTTP status \d+\))?) during (?P<operation>\w+) operation"
)
_WHERE = re.compile(r"(?:for|with) key '(?P<key>[^']*)' in bucket '(?P<bucket>[^']*)'")
_BUCKET = re.compile(r"in bucket '(?P<bucket>[^']*)'")
_OTHERS = (
    # Each has a blank in it, as no name of a landing file may: no source can forge one.
    "Generic S3 error",  # Sail's
    "Error performing ",  # Sail's, of single requests
    "Server returned non-2xx status code",  # Sail's, of HEAD
    "Could not connect to the endpoint URL",  # boto3's, for MLflow
    "Read timeout on endpoint URL",
    "Connection was closed before we received a valid response from endpoint URL",
    "An error occurred (",
)
_TOKEN = re.compile(r"<Token.*?(</Token[^>]*>|$)")
"""A store may quote the token of a session that expired."""
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


def _shown_endpoint() -> str:
    """The same without a user and password, should it hold them."""
    scheme, found, rest = endpoint().partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}" or "Amazon S3"


def store_error(said: str) -> str | None:
    """What an error says of the store, as a sentence; None if it isn't about the store.

    Args:
        said: The text of an error of PyArrow, Sail or boto3. Not of the pipeline's own, which are
            sentences already, and may quote names that a source chose.
    """
    where = _shown_endpoint()
    if found := _ARROW.search(said):
        kind, operation = found["kind"], found["operation"]
        place = _WHERE.search(said) or _BUCKET.search(said)
        named = "" if place is None else " of " + "/".join(reversed(place.groups()))
        reason = _REASONS.get(kind, kind)
        return _sentence(where, f"{operation}{named}", reason)
    for line in said.splitlines():
        if any(text in line for text in _OTHERS):
            return _sentence(where, "a request", _TOKEN.sub("<withheld>", line.strip())[:300])
    return None


def _sentence(where: str, what: str, reason: str) -> str:
    return (
        f"the store at {where}: {what} failed: {reason}. Nothing half is visible; when the store "
        "answers, clear this task. It is addressed by the AWS_* variables of the process"
    )
