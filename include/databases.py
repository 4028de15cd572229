"""Where the databases are: one server, four databases, each for one purpose."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from include.errors import SettingsError
from include.settings import Settings

Database = Literal["airflow", "lake", "mlflow", "warehouse"]
DATABASES: tuple[Database, ...] = ("airflow", "lake", "mlflow", "warehouse")


def address_file(home: Path) -> Path:
    """Where the embedded server leaves its socket's folder."""
    return home / "postgres.json"


def database_url(settings: Settings, database: Database, driver: str = "") -> str:
    """URL of a database, for libpq and ADBC or, with `driver` ("psycopg"), for SQLAlchemy.

    Raises:
        SettingsError: No server is named and the embedded one was never started.
    """
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    if settings.postgres_url:
        return f"{scheme}://{settings.postgres_url.split('://', 1)[-1].rstrip('/')}/{database}"
    path = address_file(settings.home)
    if not path.exists():
        raise SettingsError(
            f"the embedded Postgres below {settings.home} was never started: run 'make up' or "
            "'make run', or set PROPENSITY_POSTGRES_URL"
        )
    socket = json.loads(path.read_text(encoding="utf-8"))["socket_dir"]
    return f"{scheme}://postgres@/{database}?host={quote(socket, safe='/')}"
