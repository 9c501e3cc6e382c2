"""A real PostgreSQL 15 for tests: one throw-away cluster a session, a fresh database with a plain role a test.

A missing server fails with the command that installs it; nothing is skipped. As root the server runs as `postgres`,
since it refuses root.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

BINARIES = Path("/usr/lib/postgresql/15/bin")
INSTALL = "apt-get install -y --no-install-recommends postgresql-15"
_SETTINGS = "fsync = on\nmax_connections = 100\nlog_min_messages = fatal\n"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server."""

    port: int

    def superuser(self, database: str = "postgres") -> str:
        """How the administrator connects (libpq)."""
        return f"host=127.0.0.1 port={self.port} user=pg dbname={database}"

    def make_database(self) -> str:
        """A fresh database owned by a role that is no superuser; returns its SQLAlchemy URL."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.superuser(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS")
            connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        return f"postgresql+psycopg://{name}@127.0.0.1:{self.port}/{name}"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a cluster, run it, stop it, remove it."""
    if not (BINARIES / "initdb").exists():
        pytest.fail(f"PostgreSQL 15 is missing; as root: {INSTALL}", pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="corporate-pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data, port = folder / "data", _free_port()
        _run("initdb", "-D", data, "-A", "trust", "-U", "pg", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        with (data / "postgresql.conf").open("a") as f:
            f.write(f"{_SETTINGS}listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\n")
        _run("pg_ctl", "-D", data, "-l", folder / "log", "-w", "start")
        try:
            yield Cluster(port)
        finally:
            _run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(program: str, *arguments: object) -> None:
    become = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    command = [*become, str(BINARIES / program), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", text=True, check=False)
    if done.returncode:
        pytest.fail(f"{program} failed: {done.stderr}", pytrace=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
