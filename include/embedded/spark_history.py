"""Apache Spark's own pages about applications that ended: what ran when, on what, over how much."""

import os
from pathlib import Path

import pyspark

from include.embedded.environment import check_java
from include.errors import SettingsError
from include.settings import Settings

SERVER = "org.apache.spark.deploy.history.HistoryServer"
PORT = 18080


def show_history(settings: Settings, port: int = PORT) -> None:
    """Become the history server, until interrupted.

    Raises:
        SettingsError: No event log is kept, or there is no Java.
    """
    if not settings.spark_event_log_uri:
        raise SettingsError(
            "PROPENSITY_SPARK_EVENT_LOG isn't set: Apache Spark logs nowhere what its applications "
            "did. Set it to a folder, run a job on PROPENSITY_SPARK_ENGINE=spark, and come back"
        )
    check_java(settings.model_copy(update={"spark_engine": "spark"}))
    print(
        f"http://localhost:{port} shows {settings.spark_event_log_uri}; ends with Ctrl-C",
        flush=True,
    )
    command = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    options = (
        f"-Dspark.history.fs.logDirectory={settings.spark_event_log_uri} "
        f"-Dspark.history.ui.port={port} -Dspark.history.ui.host=127.0.0.1"
    )
    # Spark's scripts bind what they are told to, and are told by the environment.
    environment = os.environ | {"SPARK_HISTORY_OPTS": options, "SPARK_LOCAL_IP": "127.0.0.1"}
    os.execve(command, [command, SERVER], environment)
