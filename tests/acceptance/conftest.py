"""What all acceptance tests share: they use the project as a person would, on that person's state.

Each module belongs to a suite, by a marker, and `make test-acceptance` names suites by it. Tests
of a module go on from where the one before ended, so they run in order, in one process, and stop at
the first that fails.
"""

import os
from collections.abc import Iterator

import pytest

from tests.acceptance.commands import run, say, sql
from tests.acceptance.on_cluster import NAMESPACE, kubectl


@pytest.fixture(scope="module", autouse=True)
def as_its_user(laptop: None) -> Iterator[None]:
    """The `.local`, the port and the cluster of whoever started pytest."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("acceptance tests share one Airflow: run them in one process, without -n")
    with pytest.MonkeyPatch.context() as patch:
        # A make below the one that started pytest would print which folder it enters and leaves.
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def after_make_run(as_its_user: None) -> None:
    """Needs the days that `make run` published."""
    there = sql("select to_regclass('predictions.publications') is not null", "admin")
    if there != "t" or sql("select count(*) > 0 from predictions.publications") != "t":
        pytest.fail("nothing is published here yet: `make run` first", pytrace=False)


@pytest.fixture(scope="module")
def scheduler(after_make_run: None) -> Iterator[None]:
    """Airflow, up while this module runs."""
    try:
        say(run("make", "-s", "up").strip())
        yield
    finally:
        run("make", "-s", "down")


@pytest.fixture(scope="module")
def namespace(as_its_user: None) -> Iterator[str]:
    """A namespace on the cluster that KUBECONFIG points at. Without one nothing can run."""
    if not os.environ.get("KUBECONFIG"):
        pytest.fail("KUBECONFIG isn't set: name a cluster, for example one of kind's")
    kubectl("create", "namespace", NAMESPACE)
    yield NAMESPACE
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logstart() -> None:
    """What a test prints starts on a line of its own, below its name."""
    print(flush=True)
