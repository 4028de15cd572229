"""Landing and lake in an S3 store: the same tables, and trouble that leaves nothing half."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException
from pyarrow import fs
from pyspark.sql import SparkSession

from include.audience.contacts import load_contacts
from include.config import load_config
from include.contracts import lake_tables
from include.days import Days
from include.errors import LandingError, StoreAwayError
from include.lake.checksum import rows_checksum
from include.lake.failures import Failure, failure_uri, read_failure, write_failure
from include.lake.old_attempts import remove_old_receipts
from include.lake.tables import Lake
from include.lake.upkeep import remove_orphans
from include.landing.files import inspect
from include.landing.zone import Landing
from include.orchestration.spark_job_operator import SparkJobOperator
from include.settings import Settings
from include.store import read_whole, s3, system_of, write_whole
from include.store_errors import store_error
from tests.conftest import installation
from tests.integration.landing_files import basics, complete, csv_of, day, event, land
from tests.integration.nights import checksums, night, steps
from tests.store.s3_server import Store

DAYS = Days(day(0), day(1))
EMPTY = rows_checksum([])
SHARES, KINDS = (0.1, 0.45, 0.75), ("refuse", "vanish")
pytestmark = pytest.mark.skipif(
    os.environ.get("PROPENSITY_SPARK_ENGINE") == "spark",
    reason="Apache Spark reads s3:// by hadoop-aws, which isn't here",
)


def land_days(local: Settings) -> None:
    """Two days in two formats, on disk."""
    basics(local, DAYS)
    land(local, "events", day(0), "e.csv", csv_of(
        *[event(f"first {n}", day(0), user_id=n % 3 + 1) for n in range(30)],
        event("bad", day(0), value="much"), event("first 1", day(0), user_id=2),
    ))  # fmt: skip
    land(local, "events", day(1), "e.csv.gz", csv_of(
        *[event(f"second {n}", day(1), listing_id=20) for n in range(20)], event("late", day(0)),
    ))  # fmt: skip
    complete(local, DAYS)


def upload(local: Path, uri: str) -> None:
    system, path = system_of(uri)
    fs.copy_files(str(local), path, source_filesystem=fs.LocalFileSystem(),
                  destination_filesystem=system)  # fmt: skip


@pytest.fixture
def in_store(
    server: Settings, store: Store, root: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Settings]:
    """An installation in the store, where two days have landed."""
    with installation(server, monkeypatch, root) as chosen:
        land_days(chosen.model_copy(update={"landing": str(tmp_path)}))
        upload(tmp_path, chosen.landing_uri)
        yield chosen


def test_tables_in_the_store_are_those_on_disk(
    server: Settings, store: Store, root: str, monkeypatch: pytest.MonkeyPatch, spark: SparkSession
) -> None:
    with installation(server, monkeypatch) as on_disk:
        land_days(on_disk)
        for one in DAYS:
            night(Days(one, one), f"lake/{one}")
        expected = checksums(on_disk)
        landed = Path(on_disk.landing_uri)
    with installation(server, monkeypatch, root) as in_store:
        upload(landed, in_store.landing_uri)
        for one in DAYS:
            night(Days(one, one), f"lake/{one}")
        assert checksums(in_store) == expected
        assert expected["core.events"][0] == 51
        lake, events = (
            Lake(in_store),
            lake_tables(load_config(in_store).events.names)["core.events"],
        )
        assert all(uri.startswith(f"{root}/lake/") for uri in lake.files(events))
        remove_orphans(lake, events, datetime.now(UTC) + timedelta(days=1))
        assert checksums(in_store) == expected


def test_trouble_at_any_moment_is_said_and_a_retry_ends_as_without(
    server: Settings, store: Store, root: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    spark: SparkSession,
) -> None:  # fmt: skip
    """Each task fails at several of its requests, refused or cut off in turn; then it may."""
    with installation(server, monkeypatch, f"{root}/quiet") as quiet:
        land_days(quiet.model_copy(update={"landing": str(tmp_path)}))
        upload(tmp_path, quiet.landing_uri)
        requests = {}
        for name, step in steps(DAYS, "lake/one").items():
            store.trouble("")
            step()
            requests[name] = store.requests
        expected = checksums(quiet)
    with installation(server, monkeypatch, f"{root}/troubled") as chosen:
        upload(tmp_path, chosen.landing_uri)
        said = []
        for name, step in steps(DAYS, "lake/one").items():
            for number, share in enumerate(SHARES):
                store.trouble(KINDS[number % 2], int(requests[name] * share))
                try:
                    step()  # what is done already needs less than in quiet: it may be through
                except Exception as error:
                    said.append(f"{error}")
                store.trouble("")
                found = checksums(chosen)
                assert all(rows in ((0, EMPTY), expected[of]) for of, rows in found.items())
                assert name == "publish" or not any(rows for rows, _ in found.values())
            step()
        assert len(said) >= 6
        assert not [one for one in said if store_error(one) is None]
        assert checksums(chosen) == expected


def test_a_store_that_hangs_is_given_up_with_a_sentence(
    store: Store, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.store.SILENCE_S", 1.0)
    s3.cache_clear()
    store.trouble("hang")
    with pytest.raises(OSError, match="Operation too slow") as raised:
        Landing(f"{root}/landing").is_complete("events", day(0))
    assert "can't be reached, or doesn't answer" in (store_error(str(raised.value)) or "")
    s3.cache_clear()


def test_a_landing_file_is_not_blamed_for_the_store(store: Store, root: str) -> None:
    uri = f"{root}/landing/events/date={day(0)}/e.csv"
    write_whole(uri, csv_of(event("one", day(0))).encode())
    write_whole(f"{root}/bad.parquet", b"PAR1 no parquet PAR1")
    assert inspect(uri, ("event_id",)).form == "csv"
    with pytest.raises(LandingError, match=r"bad\.parquet: can't be read as parquet"):
        inspect(f"{root}/bad.parquet", ())
    store.trouble("refuse")
    for name in (uri, f"{root}/bad.parquet"):
        with pytest.raises(OSError, match="AWS Error"):
            inspect(name, ("event_id",))


def test_a_store_that_keeps_everything_changes_no_result(
    in_store: Settings, store: Store, spark: SparkSession
) -> None:
    """Where credentials may not delete, old files stay: nothing else does."""
    store.trouble("refuse", only=("DELETE",))
    night(DAYS, "lake/one")
    assert checksums(in_store)["core.events"][0] == 51


def test_a_day_is_not_empty_because_a_listing_was(store: Store, root: str) -> None:
    """`_SUCCESS` was found, and then a gateway knew of nothing."""
    landing = Landing(f"{root}/landing")
    write_whole(f"{root}/landing/events/date={day(0)}/e.csv", b"event_id\n")
    write_whole(f"{root}/landing/events/date={day(0)}/_SUCCESS", b"")
    assert len(landing.files_of_complete("events", day(0))) == 1
    store.trouble("404", only=("GET",), where="list-type")
    with pytest.raises(StoreAwayError, match="can't be trusted"):
        landing.files_of_complete("events", day(0))


def test_rows_that_a_store_forgets_for_a_moment_are_missed(
    in_store: Settings, store: Store, spark: SparkSession
) -> None:
    """Sail reads a file that answers 404 as one without rows: the next day would lack them."""
    night(Days(day(0), day(0)), "lake/one")
    before = checksums(in_store)
    store.trouble("404", only=("HEAD",), where=f"_day={day(0)}")
    with pytest.raises(StoreAwayError, match="rows can be read, and"):
        night(Days(day(1), day(1)), "lake/two")
    store.trouble("")
    assert checksums(in_store) == before
    failure = read_failure(failure_uri(in_store, "lake/two", "lake_days"))
    assert failure is not None
    assert not failure.is_final


def test_a_bucket_that_is_not_there_is_not_a_day_that_is_not_complete(store: Store) -> None:
    with pytest.raises(OSError, match="NO_SUCH_BUCKET") as raised:
        Landing("s3://nowhere/landing").is_complete("events", day(0))
    assert "make it first" in (store_error(str(raised.value)) or "")


def test_a_store_that_is_busy_for_a_moment_is_asked_again(store: Store, root: str) -> None:
    write_whole(f"{root}/one", b"1")
    answers = iter(["503"])
    troubled = Store._troubled

    def once(self: Store, environ: dict[str, Any]) -> Any:
        self.kind = next(answers, "")
        return troubled(self, environ)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_troubled", once)
        assert read_whole(f"{root}/one") == b"1"
    store.trouble("503")
    with pytest.raises(OSError, match="AWS Error") as raised:
        read_whole(f"{root}/one")
    assert store_error(str(raised.value))


def test_contacts_say_that_it_was_the_store(in_store: Settings, store: Store) -> None:
    load_contacts(f"{day(0)}", f"{day(0)}")
    store.trouble("refuse", only=("GET",), where="u.jsonl")
    with pytest.raises(StoreAwayError, match="the store at http"):
        load_contacts(f"{day(0)}", f"{day(0)}")


def test_what_an_earlier_attempt_said_stays_where_nothing_may_be_deleted(
    server: Settings, store: Store, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator told a failure apart by deleting the one before."""
    ran = []
    with installation(server, monkeypatch, root) as chosen:
        uri = failure_uri(chosen, "lake_daily/run", "lake_days")
        write_failure(uri, Failure(attempt="1", sentence="the first", is_final=True))
        store.trouble("refuse", only=("DELETE",))
        with DAG("lake_daily", schedule=None):
            job = SparkJobOperator(task_id="build", job="lake_days")

        def fail() -> None:
            ran.append(1)
            raise AirflowException("exit code 1")

        monkeypatch.setattr(job, "_run_here", fail)
        with pytest.raises(AirflowException, match="exit code 1"):
            job.execute({"run_id": "run"})
        assert ran == [1]


def test_receipts_of_a_store_go_by_age(
    server: Settings, store: Store, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installation(server, monkeypatch, root) as chosen:
        uris = [failure_uri(chosen, f"lake_daily/{run}", "lake_days") for run in ("one", "two")]
        for uri in uris:
            write_failure(uri, Failure(attempt="1", sentence="said", is_final=True))
        now = datetime.now(UTC)
        assert remove_old_receipts(chosen, now - timedelta(days=1)) == 0
        assert all(read_failure(uri) for uri in uris)
        assert remove_old_receipts(chosen, now + timedelta(days=1)) == 2
        assert not any(read_failure(uri) for uri in uris)
        assert remove_old_receipts(chosen, now + timedelta(days=1)) == 0
