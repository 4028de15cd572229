"""A job's main: arguments, session, builds in order; then a receipt, or a sentence why not."""

import argparse
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from importlib import import_module

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from include.code_version import code_version
from include.config import load_config
from include.days import Days
from include.errors import LandingError, PipelineError, SettingsError
from include.lake.failures import Failure, failure_uri, write_failure
from include.lake.receipts import Receipt, receipt_uri, write_receipt
from include.landing.files import find_broken
from include.landing.zone import TABLES
from include.quality.runner import Audit
from include.settings import settings
from include.store_errors import store_error
from spark_jobs.session import spark_session
from spark_jobs.workspace import Workspace

OUT_OF_MEMORY = "Resources exhausted"
"""What Sail says where a join's smaller side, which can't go on in files, is too large."""
WORKERS_ERROR = re.compile(r"\s*[\w.]*(Error|Exception|Invalid)\w*: \S")
"""A line of a traceback that says what went wrong."""

Build = Callable[[Workspace], None]


def run_job(job: str, builds: Sequence[Build], argv: Sequence[str] | None = None) -> Receipt:
    """A job's main: arguments, session, builds in order, receipt.

    Args:
        job: Name of the job; the receipt is filed under it.
        builds: What to build, in order; a later one sees what an earlier one staged.
        argv: Arguments; default: the command line's.

    Returns:
        The receipt, which is also written to where the gate looks for it.

    Raises:
        Exception: What went wrong; its sentence is left where the task looks for it.
    """
    parser = argparse.ArgumentParser(prog=job)
    parser.add_argument("--from-day", type=date.fromisoformat, required=True)
    parser.add_argument("--to-day", type=date.fromisoformat, required=True)
    parser.add_argument("--run", required=True, help="DAG run that the receipt is for")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a parameter of the job itself")  # fmt: skip
    arguments = parser.parse_args(argv)
    attempt = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    try:
        return _attempt(job, builds, arguments, attempt)
    except Exception as error:
        is_final = isinstance(error, PipelineError)
        said = str(error).strip() or "no reason given"
        sentence = said if is_final else store_error(said) or _told(error, said)
        failure = Failure(attempt=attempt, sentence=sentence, is_final=is_final)
        print(f"[{job}] failed: {sentence}", flush=True)
        try:
            write_failure(failure_uri(settings(), arguments.run, job), failure)
        except (OSError, pa.ArrowException) as lost:  # the store may be why the job failed
            print(f"[{job}] this could not be left in the lake for the task: {lost}", flush=True)
        raise


def _told(error: Exception, said: str) -> str:
    """The line that tells, with the error's type: of one in a Python worker, the last's own."""
    lines = said.splitlines()
    own = [line.strip() for line in lines if WORKERS_ERROR.match(line)]
    told = own[-1] if own and "Python worker" in said else lines[0]
    return f"{type(error).__name__}: {told}"


def _attempt(
    job: str, builds: Sequence[Build], arguments: argparse.Namespace, attempt: str
) -> Receipt:
    started, began_at = time.monotonic(), datetime.now(UTC)
    # Great Expectations takes seconds to import; Spark's JVM starts meanwhile.
    threading.Thread(target=import_module, args=["great_expectations"], daemon=True).start()
    chosen = settings()
    days = Days(arguments.from_day, arguments.to_day)
    spark = spark_session(f"{job} {days}")
    print(f"[{job}] {days}, attempt {attempt}", flush=True)
    refuse_unknown_zone(spark, chosen.time_zone)
    docs = chosen.data_docs_path / job / f"{days}" / attempt
    work = Workspace(spark, chosen, load_config(chosen), days, attempt, Audit(docs))
    work.properties.update(pair.split("=", 1) for pair in arguments.set)
    try:
        for build in builds:
            module = build.__module__.rpartition(".")[2]
            with work.stages.stage(job if module == "__main__" else module, job):
                build(work)
        work.finish()
    except PipelineError:
        work.audits.abandon()
        raise
    # Spark's errors come as several types, over Py4J and over Connect.
    except Exception as error:
        work.audits.abandon()
        if store_error(str(error)):
            raise
        if OUT_OF_MEMORY in str(error):
            raise PipelineError(
                f"{job} of {days} needs more memory than Sail may take: raise "
                f"PROPENSITY_SPARK_DRIVER_MEMORY (now {chosen.spark_driver_memory}), or load fewer "
                "days at a time. Nothing was changed"
            ) from error
        if broken := find_broken(work.landing, TABLES, days):
            raise LandingError(
                f"{broken}. Ask the source for a correct file; nothing was changed"
            ) from error
        raise
    finally:
        work.forget()
    index = work.audit.write_docs(chosen.data_docs_path)
    receipt = Receipt(
        job=job,
        attempt=attempt,
        first_day=days.first,
        last_day=days.last,
        code_version=code_version(),
        time_zone=chosen.time_zone,
        began_at=began_at,
        inputs=work.inputs,
        table_numbers={name: pin.number for name, pin in work.pins.items()},
        tables=tuple(work.staged.values()),
        accounting=tuple(work.accounting),
        properties=work.properties,
        data_docs=str(index),
        duration_s=round(time.monotonic() - started, 1),
    )
    write_receipt(receipt_uri(chosen, arguments.run, job), receipt)
    print(f"[{job}] {days} staged in {receipt.duration_s} s, Data Docs: {index}", flush=True)
    return receipt


def refuse_unknown_zone(spark: SparkSession, time_zone: str) -> None:
    """Refuse a time zone that the engine is too old to know, though Python knows it.

    Raises:
        SettingsError: It doesn't; the text names the setting.
    """
    if time_zone == "UTC":
        return
    midnight = F.from_utc_timestamp(F.lit("2000-01-01").cast("timestamp"), time_zone)
    try:
        spark.range(1).select(midnight).collect()
    # Over Py4J and over Connect it is of several types.
    except Exception as error:
        if time_zone not in str(error):
            raise
        raise SettingsError(
            f"PROPENSITY_TIME_ZONE: {time_zone} is not known to the engine that runs Spark's jobs "
            "(Apache Spark goes by its Java). Use a newer one, or an older name of a zone with the "
            "same clocks; nothing was changed"
        ) from error
