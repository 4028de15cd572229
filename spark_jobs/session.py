"""The session that every job uses, on either engine."""

import os
import tempfile
from functools import cache

from pyspark.sql import SparkSession

from include.settings import settings
from include.store import make_folder, sail_environment, system_of

RESULTS = {
    # What a result is depends on these.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
DEFAULTS = {
    # For small days on one machine; `spark-submit --conf` has the last word.
    # How many bytes a batch for Python has is asked before each row and of each column, which took
    # 15 % of a day of events; so rows bound it: a landed line has 1 MiB at most.
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2048",
    "spark.sql.warehouse.dir": f"{tempfile.gettempdir()}/spark-warehouse",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}

SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
FEWEST_PARTITIONS = 8
"""AQE merges small ones, but each still costs a task to plan: a small day doesn't need 200."""
ROWS_PER_PARTITION = 1_000_000
"""What a task of a shuffle holds and sorts at once, on average."""
IS_FITTED = "spark.propensity.fitShufflesToInput"
"""Whether nobody else said how many partitions a shuffle has."""

SERVERS: list[object] = []
"""What nothing refers to is stopped."""


def spark_session(name: str, engine: str = "") -> SparkSession:
    """The session of this process, on the engine that `PROPENSITY_SPARK_ENGINE` names.

    Apache Spark is as big, and where, as `spark-submit` says. Sail runs within this process and
    uses all of its cores.

    Args:
        name: Of the application.
        engine: Another one than the setting's.
    """
    return _sail(name) if (engine or settings().spark_engine) == "sail" else _apache(name)


def most_tasks() -> int:
    """Into how many tasks a reading is split at most.

    Apache Spark runs as many at a time as it has cores, and the more there are, the later the last
    one is alone. Sail runs all of them at once, and each holds what it reads ahead: 100 files of a
    million events took 19 GiB and 139 s in 100 tasks, 3.4 GiB and 103 s in 4.
    """
    return 2 * (os.cpu_count() or 1) if settings().spark_engine == "sail" else 1_000


def fit_shuffles(spark: SparkSession, rows: int) -> None:
    """Have Apache Spark's shuffles hold an input: a million rows a partition, and a task a core.

    Sail sizes its own. A number of partitions that was configured stays.

    Args:
        spark: The session.
        rows: Of an input. The biggest so far counts.
    """
    if settings().spark_engine == "sail" or spark.conf.get(IS_FITTED, "false") != "true":
        return
    wanted = max(-(-rows // ROWS_PER_PARTITION), spark.sparkContext.defaultParallelism)
    if wanted > int(str(spark.conf.get(SHUFFLE_PARTITIONS))):
        spark.conf.set(SHUFFLE_PARTITIONS, wanted)


def _apache(name: str) -> SparkSession:
    from pyspark import SparkConf, SparkContext

    # Until its JVM runs, a SparkConf knows nothing of what spark-submit was told, and all of ours
    # would go before it.
    SparkContext._ensure_initialized()
    conf = SparkConf()
    if folder := settings().spark_event_log_uri:
        if folder.startswith("file://"):  # Spark makes files in it, not the folder
            make_folder(*system_of(folder))
        conf.setIfMissing("spark.eventLog.enabled", "true")
        conf.setIfMissing("spark.eventLog.dir", folder)
    conf.set(IS_FITTED, "false" if conf.contains(SHUFFLE_PARTITIONS) else "true")
    conf.setIfMissing(SHUFFLE_PARTITIONS, f"{FEWEST_PARTITIONS}")
    for key, value in DEFAULTS.items():
        conf.setIfMissing(key, value)
    for key, value in RESULTS.items():
        conf.set(key, value)
    return SparkSession.builder.config(conf=conf).appName(name).getOrCreate()


def _sail(name: str) -> SparkSession:
    session = SparkSession.builder.remote(_sail_server()).appName(name).getOrCreate()
    session.conf.set("spark.sql.session.timeZone", RESULTS["spark.sql.session.timeZone"])
    return session


@cache
def _sail_server() -> str:
    """The address of this process's server; it ends with the process."""
    # Before the import: it says each hint that it passes over, and every statement.
    os.environ.setdefault("RUST_LOG", "error")
    for name, value in sail_environment().items():
        os.environ.setdefault(name, value)
    # Without a bound, whatever sorts or sums up stays in memory until the machine ends it.
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__TYPE", "fair")
    os.environ.setdefault(
        "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE", f"{settings().spark_memory_bytes}"
    )
    # Wide rows are sorted and written in half the time; 8192 rows is the default.
    os.environ.setdefault("SAIL_EXECUTION__BATCH_SIZE", "65536")
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer()
    server.start(background=True)
    SERVERS.append(server)
    _, port = server.listening_address
    return f"sc://127.0.0.1:{port}"
