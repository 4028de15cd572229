"""One store for the tests of a process."""

import uuid
from collections.abc import Iterator

import boto3
import pytest

from include.store import s3, sail_environment
from tests.store.s3_server import Store, s3_store

BUCKET = "market"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}


@pytest.fixture(scope="session")
def running_store() -> Iterator[Store]:
    with s3_store() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": store.address,
            "AWS_REGION": "eu-central-1",
            "AWS_MAX_ATTEMPTS": "2",
        }.items():
            patch.setenv(name, value)
        for name, value in sail_environment().items():  # its server may run already
            patch.setenv(name, value)
        s3.cache_clear()
        boto3.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield store
        s3.cache_clear()


@pytest.fixture
def store(running_store: Store) -> Iterator[Store]:
    """The store, free of trouble before and after."""
    running_store.trouble("")
    yield running_store
    running_store.trouble("")


@pytest.fixture
def root(store: Store) -> str:
    """A folder of one's own in it."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex[:8]}"
