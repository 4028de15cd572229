"""Where the databases are: one server, four databases, each for one purpose."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from include.errors import SettingsError
from include.settings import Settings

Database = Literal["airflow", "lake", "mlflow", "warehouse"]
Role = Literal["admin", "pipeline", "analyst", "marketing"]
LOGIN_ROLES: tuple[Role, ...] = ("pipeline", "analyst", "marketing")
DATABASES: tuple[Database, ...] = ("airflow", "lake", "mlflow", "warehouse")


def address_file(home: Path) -> Path:
    """Where the embedded server leaves its socket's folder."""
    return home / "postgres.json"


def database_url(
    settings: Settings, database: Database, driver: str = "", role: Role = "pipeline"
) -> str:
    """URL of a database, for libpq and ADBC or, with `driver` ("psycopg"), for SQLAlchemy.

    Args:
        settings: They name the server, or where the embedded one lies.
        database: Which of the four.
        driver: SQLAlchemy's driver.
        role: Who logs in to the warehouse. `admin` is the server's own user, which migrates; the
            other three databases know no roles and are always `admin`'s.

    Raises:
        SettingsError: No server is named and the embedded one was never started, or a password is
            missing.
    """
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    user = "admin" if database != "warehouse" else role
    if settings.postgres_url:
        address = settings.postgres_url.split("://", 1)[-1].rstrip("/")
        if user != "admin":
            password = getattr(settings, f"{user}_password").get_secret_value()
            if not password:
                raise SettingsError(
                    f"PROPENSITY_{user.upper()}_PASSWORD isn't set: with PROPENSITY_POSTGRES_URL, "
                    f"the role {user} logs in to the warehouse with a password"
                )
            address = f"{user}:{quote(password, safe='')}@{address.rsplit('@', 1)[-1]}"
        return f"{scheme}://{address}/{database}"
    path = address_file(settings.home)
    if not path.exists():
        raise SettingsError(
            f"the embedded Postgres below {settings.home} was never started: run 'make up' or "
            "'make run', or set PROPENSITY_POSTGRES_URL"
        )
    socket = json.loads(path.read_text(encoding="utf-8"))["socket_dir"]
    # Whoever reaches the embedded server's socket is trusted to be the role they say they are.
    name = "postgres" if user == "admin" else user
    return f"{scheme}://{name}@/{database}?host={quote(socket, safe='/')}"
