"""Where the databases are: one server, four databases, each for one purpose and one login."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from include.errors import SettingsError
from include.settings import Settings

Database = Literal["airflow", "lake", "mlflow", "warehouse"]
Role = Literal["admin", "pipeline", "analyst", "marketing"]
DATABASES: tuple[Database, ...] = ("airflow", "lake", "mlflow", "warehouse")

LOGINS: dict[Role, str] = {
    "pipeline": "pipeline",
    "analyst": "analyst_login",
    "marketing": "marketing_login",
}
"""Who logs in to the warehouse for a role; `analyst` and `marketing` are groups."""
OWNERS: dict[Database, str] = {"airflow": "airflow", "lake": "lake_catalog", "mlflow": "mlflow"}
"""Whose each of the other databases is."""
PASSWORDS: dict[str, str] = {
    **{login: f"{role}_password" for role, login in LOGINS.items()},
    **{login: f"{database}_password" for database, login in OWNERS.items()},
}
"""The setting that holds each login's password."""


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
            other three databases are one login's each, whatever other role is given.

    Raises:
        SettingsError: No server is named and the embedded one was never started, or a password is
            missing.
    """
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    login = "" if role == "admin" else OWNERS.get(database) or LOGINS[role]
    if server := settings.postgres_url.get_secret_value():
        return f"{scheme}://{_address(settings, server, login)}/{database}"
    path = address_file(settings.home)
    if not path.exists():
        raise SettingsError(
            f"the embedded Postgres below {settings.home} was never started: run 'make up' or "
            "'make run', or set PROPENSITY_POSTGRES_URL"
        )
    socket = json.loads(path.read_text(encoding="utf-8"))["socket_dir"]
    # Whoever reaches the embedded server's socket, its owner alone, may be any role.
    return f"{scheme}://{login or 'postgres'}@/{database}?host={quote(socket, safe='/')}"


def _address(settings: Settings, server: str, login: str) -> str:
    """User, password, host and port on a server of one's own; without a login, its own user's."""
    address = server.split("://", 1)[-1].rstrip("/")
    user, _, host = address.rpartition("@")
    if not login:
        if not user:
            raise SettingsError(
                "PROPENSITY_POSTGRES_URL names no user: to set up databases and roles, name one "
                "who may make them (postgresql://user:password@host:port)"
            )
        return address
    setting = PASSWORDS[login]
    password = getattr(settings, setting).get_secret_value()
    if not password:
        raise SettingsError(
            f"PROPENSITY_{setting.upper()} isn't set: with PROPENSITY_POSTGRES_URL, {login} logs "
            "in with a password"
        )
    return f"{login}:{quote(password, safe='')}@{host}"
