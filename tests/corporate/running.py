"""A corporate server as it really runs: `diffgram-corporate init`, then `run` with both gunicorns, over a database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corporate import enrolment, settings
from corporate.database import Store

PROGRAM = (sys.executable, "-c", "from corporate.cli import main; main()")
ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it is, and how to ask it things by its own commands."""

    config: Path
    wire: str
    pages: str
    root: str
    pid: int

    @property
    def wire_port(self) -> int:
        """The port of the wire."""
        return int(self.wire.rpartition(":")[2])

    @property
    def settings(self) -> settings.Settings:
        """Its settings."""
        return settings.read(self.config, {})

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Its database."""
        store = Store(self.settings.database_url)
        try:
            yield store
        finally:
            store.close()

    def command(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(command(self.config, *arguments, "--json").stdout)

    def token(self, customer: str = "St Mary", *, signature_allowed: bool = False) -> str:
        """A fresh enrolment token."""
        with self.store() as store:
            now = datetime.now(UTC)
            return enrolment.make_token(store, customer, "os:test", now, signature_allowed=signature_allowed)


def command(config: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `diffgram-corporate` and expect the exit code."""
    done = subprocess.run(
        [*PROGRAM, "--config", str(config), *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def found(folder: Path, url: str, more: str = "") -> tuple[Path, str]:
    """Set up a server in `folder`; returns its settings file and its root's fingerprint."""
    config = folder / "corporate.toml"
    password = folder / "password"
    password.write_text(PASSWORD + "\n")
    options = ["--folder", str(folder / "data"), "--wire-port", "0", "--pages-port", "0"]
    database = ["--database-url", url] if url else []
    done = command(config, "init", *options, *database, "--password-file", str(password), "--json")
    if more:
        config.write_text(config.read_text() + more)
    return config, json.loads(done.stdout)["root"]


@contextmanager
def running(config: Path, root: str) -> Iterator[Server]:
    """Run the server of `config` until the block ends; it must then stop in order, having said nothing on stderr."""
    log = config.with_name("stderr.log")
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*PROGRAM, "--config", str(config), "run", "--json"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        with process.stdout:
            line = process.stdout.readline()
            assert line, log.read_text()
            said = json.loads(line)
            try:
                yield Server(config, said["wire"], said["pages"], root, process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
                code = process.wait(30)
    assert code == 0, log.read_text()


def peak_memory(server: Server) -> int:
    """The most memory, in bytes, that any of the server's processes ever held."""
    status = [Path(f"/proc/{child}/status").read_text() for child in descendants(server.pid)]
    return max(int(text.partition("VmHWM:")[2].split()[0]) * 1024 for text in status)


def descendants(pid: int) -> list[int]:
    """The processes below `pid`."""
    children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [below for child in children for below in descendants(child)]
