"""The environment that Airflow, Spark and MLflow run in on the embedded default."""

import base64
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from include.database.address import database_url
from include.errors import SettingsError
from include.settings import PROJECT, Settings

MIN_JAVA = 17


def check_java(settings: Settings) -> None:
    """Make sure that Apache Spark will find a Java, where it is the engine.

    Raises:
        SettingsError: There is none, or it is too old; the text says what to install.
    """
    if settings.spark_engine != "spark":
        return
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    advice = (
        f"Apache Spark needs Java {MIN_JAVA} or newer: install it (Debian: apt-get install "
        "openjdk-17-jre-headless; macOS: brew install openjdk@17), set JAVA_HOME, or use Sail "
        "instead (PROPENSITY_SPARK_ENGINE=sail)"
    )
    if not java or not Path(java).exists():
        raise SettingsError(f"no Java was found. {advice}")
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(printed)
    if version is None or version < MIN_JAVA:
        raise SettingsError(f"{java} is Java {version or printed.strip()[:80]}. {advice}")


def java_version(printed: str) -> int | None:
    """The major version from what `java -version` prints; None if it says none."""
    for word in printed.replace('"', " ").split():
        if word[0].isdigit():
            numbers = word.split(".")
            major = numbers[1] if numbers[0] == "1" and len(numbers) > 1 else numbers[0]
            return int(major) if major.isdigit() else None
    return None


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Variables for Airflow and all that it starts; what the caller set already stays."""
    home = settings.home
    secret = _secrets(home)
    url = f"http://localhost:{settings.ui_port}"
    bin_folder = PROJECT / ".venv" / "bin"
    defaults = {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Days that a backfill is given without a time zone are data days.
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": settings.time_zone,
        # The scheduler leaves runs of a paused DAG alone, backfills included.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": secret["fernet_key"],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(settings, "airflow", "psycopg2"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.ui_port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secret["api_secret_key"],
        # A key made up at each start would shut out whoever still runs from before.
        "AIRFLOW__API_AUTH__JWT_SECRET": secret["jwt_secret"],
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        # Files that didn't change are parsed again every 30 s by default: half a core, all day.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(
            {"conn_type": "spark", "host": settings.spark_master}
        ),
        # Not where the caller brought an Airflow database of their own.
        "PROPENSITY_AIRFLOW_UPKEEP": str("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in os.environ),
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYSPARK_PYTHON": str(bin_folder / "python"),
        "PYTHONUNBUFFERED": "1",
    }
    environment = {**defaults, **os.environ}
    # Without cached bytecode, imports take twice as long, and every task imports a lot.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    paths = [str(PROJECT), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environment.get('PATH', '')}"
    return environment


def write_spark_properties(settings: Settings) -> None:
    """What Spark is submitted with on one machine: heap, quiet logs, a JVM that starts fast.

    A properties file, not a folder for SPARK_CONF_DIR: that folder would be on the class path, and
    with a folder there the JVM refuses its class archive.
    """
    folder = settings.home / "spark"
    folder.mkdir(parents=True, exist_ok=True)
    archive, log4j = class_archive(settings), folder / "log4j2.properties"
    # Class data sharing takes 4 of 14 s off a small job. A JVM that can't use the archive (another
    # Java, another class path) says nothing and starts without it.
    # Two cores have none to spare for G1's own threads.
    java = f"-XX:+UseParallelGC -Dlog4j2.configurationFile=file:{log4j}"
    if archive.exists():
        java += f" -XX:SharedArchiveFile={archive}"
    (folder / "spark.properties").write_text(
        f"spark.driver.memory {settings.spark_driver_memory}\n"
        "spark.ui.enabled false\n"
        "spark.ui.showConsoleProgress false\n"
        # Without Hadoop's native library each file written is a process started (chmod), and so is
        # its checksum's: a year of days started 3,000. The raw file system writes no checksums.
        "spark.hadoop.fs.file.impl org.apache.hadoop.fs.RawLocalFileSystem\n"
        # Files are staged where nobody looks, so moving them twice is no safer, only slower.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version 2\n"
        f"spark.driver.extraJavaOptions {java}\n",
        encoding="utf-8",
    )
    log4j.write_text(
        "rootLogger.level = error\n"
        "rootLogger.appenderRef.stderr.ref = stderr\n"
        "appender.stderr.type = Console\n"
        "appender.stderr.name = stderr\n"
        "appender.stderr.target = SYSTEM_ERR\n"
        "appender.stderr.layout.type = PatternLayout\n"
        "appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n\n",
        encoding="utf-8",
    )


def class_archive(settings: Settings) -> Path:
    """The JVM's archive of Spark's classes."""
    return settings.home / "spark" / "classes.jsa"


def _secrets(home: Path) -> dict[str, str]:
    """Keys of this installation, made once and readable by its owner only."""
    path = home / "secrets.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        made = {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "api_secret_key": secrets.token_urlsafe(32),
            "jwt_secret": secrets.token_urlsafe(32),
        }
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(json.dumps(made), encoding="utf-8")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
