"""A Postgres server of one's own: over TCP, with passwords, and an owner who is called boss."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from include.database.address import DATABASES

PASSWORD = "p@ss/word: 1"  # of a shape that a URL has to quote


@dataclass(frozen=True)
class OwnServer:
    """A server that runs, with the four databases."""

    url: str
    """As boss, without a database."""
    home: Path
    binaries: Path
    system_user: str

    def shell(self, command: str) -> None:
        """Run a line as the server's user, where its programs and its data are known."""
        # It refuses to run as root.
        user = pwd.getpwnam(self.system_user) if os.geteuid() == 0 else None
        # Into a file: the server, which outlives pg_ctl, would keep a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            ended = subprocess.run(
                ["bash", "-c", command], cwd=self.home, check=False, stdin=subprocess.DEVNULL,
                stdout=said, stderr=said,
                user=user.pw_uid if user else None, group=user.pw_gid if user else None,
                env={"PATH": f"{self.binaries}:{os.environ['PATH']}",
                     "PGDATA": str(self.home / "data")},
            )  # fmt: skip
            said.seek(0)
            text = said.read()
        assert ended.returncode == 0, f"{command}:\n{text[-2000:]}"


@contextmanager
def own_server(binaries: Path, system_user: str) -> Iterator[OwnServer]:
    """A server, for as long as one uses it.

    Args:
        binaries: The folder of its programs.
        system_user: Whom it runs as, where we are root.
    """
    home = Path(tempfile.mkdtemp(prefix="propensity-own-", dir="/var/tmp"))
    if os.geteuid() == 0:
        shutil.chown(home, system_user)
    (password := home / "password").write_text(PASSWORD, encoding="utf-8")
    password.chmod(0o644)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"postgresql://boss:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
    server = OwnServer(url, home, binaries, system_user)
    server.shell(f"initdb -U boss -A scram-sha-256 --pwfile={password} -E UTF8")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    server.shell(f"pg_ctl -w -l {home}/log start -o '{options}'")
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        for name in DATABASES:
            connection.execute(f"create database {name}")
    try:
        yield server
    finally:
        server.shell("pg_ctl -m immediate stop")
        shutil.rmtree(home, ignore_errors=True)
