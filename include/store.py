"""Files by their URI, on this machine's disk or in an S3 store: the one way to either.

A store is reached by the variables that AWS' own tools read: `AWS_ENDPOINT_URL_S3` or
`AWS_ENDPOINT_URL`, `AWS_REGION` or `AWS_DEFAULT_REGION`, `AWS_MAX_ATTEMPTS`, and for credentials
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, a profile or the machine's role.
None of them is a setting of ours, and no credential is ever read or handed on by this module.
"""

import os
from functools import cache
from pathlib import Path

from pyarrow import fs

from include.store_errors import endpoint

S3 = "s3"
CONNECT_S = 5.0
SILENCE_S = 20.0
"""A request that moves nothing for so long is given up, and tried again."""
ATTEMPTS = 5
REGION = "us-east-1"
"""What most stores that aren't Amazon's take for an answer."""


def system_of(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI, and the path that it knows the file by."""
    scheme, found, rest = uri.partition("://")
    if found and scheme == S3:
        return s3(), rest
    system, path = fs.FileSystem.from_uri(uri)
    return system, str(path)


def is_file(uri: str) -> bool:
    """Whether a file is there.

    Raises:
        OSError: The store is away, or has no such bucket: then nobody knows.
    """
    system, path = system_of(uri)
    if system.get_file_info(path).type == fs.FileType.File:
        return True
    if isinstance(system, fs.S3FileSystem):
        bucket = path.partition("/")[0]
        if system.get_file_info(bucket).type == fs.FileType.NotFound:
            raise OSError(
                f"in bucket '{bucket}': AWS Error NO_SUCH_BUCKET during HeadBucket operation"
            )
    return False


def files_below(system: fs.FileSystem, root: str) -> list[fs.FileInfo]:
    """The files below a folder, which may not be there.

    What only a link leads to isn't below it: it is a second name of something, or somebody else's.
    """
    selector = fs.FileSelector(root, recursive=True, allow_not_found=True)
    found = [one for one in system.get_file_info(selector) if one.type == fs.FileType.File]
    if not isinstance(system, fs.LocalFileSystem):
        return found
    real = os.path.realpath(root)
    return [one for one in found if os.path.realpath(one.path) == real + one.path[len(root) :]]


def read_whole(uri: str) -> bytes:
    """The content of a small file."""
    system, path = system_of(uri)
    with system.open_input_stream(path, compression=None) as stream:
        content: bytes = stream.read()
    return content


def make_folder(system: fs.FileSystem, path: str) -> None:
    """Make a folder with those above it, where there are folders: a store has only names."""
    if isinstance(system, fs.LocalFileSystem):
        Path(path).mkdir(parents=True, exist_ok=True)
    elif not isinstance(system, fs.S3FileSystem):
        system.create_dir(path, recursive=True)


def write_whole(uri: str, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    system, path = system_of(uri)
    make_folder(system, path.rsplit("/", 1)[0])
    if isinstance(system, fs.S3FileSystem):
        # An object appears when its upload is complete; to move one is to copy it.
        with system.open_output_stream(path) as stream:
            stream.write(content)
        return
    with system.open_output_stream(f"{path}.part") as stream:
        stream.write(content)
    system.move(f"{path}.part", path)


class Retries(fs.AwsStandardS3RetryStrategy):  # type: ignore[misc]
    """As often as `AWS_MAX_ATTEMPTS` says; PyIceberg makes one by this class's name."""

    def __init__(self) -> None:
        super().__init__(max_attempts=attempts())


@cache
def s3() -> fs.S3FileSystem:
    """The S3 store of this process."""
    return fs.S3FileSystem(
        endpoint_override=endpoint() or None,
        region=region(),
        connect_timeout=CONNECT_S,
        request_timeout=SILENCE_S,
        # A file of one part is one request then, not three.
        allow_delayed_open=True,
        retry_strategy=Retries(),
    )


def region() -> str:
    """The store's region."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION


def attempts() -> int:
    """How often a request is made at most."""
    given = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return int(given) if given.isdigit() and int(given) > 0 else ATTEMPTS


def iceberg_properties() -> dict[str, str]:
    """The same for PyIceberg's own reading and writing; a catalog's properties go before."""
    found = {
        "s3.region": region(),
        "s3.connect-timeout": f"{CONNECT_S}",
        "s3.request-timeout": f"{SILENCE_S}",
        "s3.retry-strategy-impl": f"{Retries.__module__}.{Retries.__qualname__}",
    }
    return {**found, "s3.endpoint": endpoint()} if endpoint() else found


def sail_environment() -> dict[str, str]:
    """The same for Sail, which reads AWS' variables itself but for what it leaves to its caller."""
    found = {"AWS_REGION": region()}
    if endpoint():
        found["AWS_ENDPOINT_URL"] = endpoint()
    if endpoint().startswith("http://"):
        found["AWS_ALLOW_HTTP"] = "true"
    return found
