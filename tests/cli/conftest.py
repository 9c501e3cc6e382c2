"""Real processes and real data folders for the tests of the command line.

`shell` runs `diffgram-home` in a folder with an installation of its own, copied from one that `init` made once. A
command is a process of its own, forked from one that has done the imports (zygote.py); `fresh` starts an interpreter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from corporate.enrolment import make_token
from tests.corporate.running import Server, found, running

ROOT = Path(__file__).parents[2]
NOWHERE = "https://127.0.0.1:9"
FINGERPRINT = "sha256:" + "0" * 64
INIT = ("init", "--name", "here", "--corporate-url", NOWHERE, "--root", FINGERPRINT)
LIMIT_S = 60
PROGRAM = (sys.executable, "-m", "diffgram_home.cli")

Done = subprocess.CompletedProcess[str]


@cache
def _zygote() -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "tests.cli.zygote")
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="session", autouse=True)
def _ended() -> Iterator[None]:
    yield
    if _zygote.cache_info().currsize:
        _zygote().communicate(timeout=LIMIT_S)


@dataclass(frozen=True)
class Shell:
    """Runs commands in `folder`, which holds diffgram-home.toml."""

    folder: Path

    def __call__(self, *arguments: str, typed: str = "", watch: Path | None = None, **environment: str) -> Done:
        """The finished command; `typed` goes to its standard input, `watch` is where its socket events are noted."""
        with tempfile.TemporaryDirectory() as scratch:
            files = {name: str(Path(scratch, name)) for name in ("in", "out", "err")}
            for name, path in files.items():
                Path(path).write_text(typed if name == "in" else "")
            job = {"arguments": arguments, "folder": str(self.folder), "environment": environ(environment), **files}
            zygote = _zygote()
            assert zygote.stdin is not None
            assert zygote.stdout is not None
            print(json.dumps(job | {"watch": str(watch or "")}), file=zygote.stdin, flush=True)
            code = int(zygote.stdout.readline())
            return Done(arguments, code, Path(files["out"]).read_text(), Path(files["err"]).read_text())

    def fresh(self, *arguments: str, before: tuple[str, ...] = ()) -> Done:
        """The finished command in an interpreter of its own; `before` stands before the interpreter."""
        command = [*before, *PROGRAM, *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ({}),
            input="",
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def ok(self, *arguments: str, **more: Any) -> str:
        """The standard output of a command that must end with exit code 0."""
        done = self(*arguments, **more)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The one JSON value that a command prints."""
        return json.loads(self.ok(*arguments, "--json"))

    def lines(self, *arguments: str) -> list[Any]:
        """The JSON values that a command prints, one a line."""
        return [json.loads(line) for line in self.ok(*arguments, "--json").splitlines()]

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "diffgram-home.toml"


def environ(more: dict[str, str]) -> dict[str, str]:
    """This process's environment without our own variables, with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIFFGRAM_")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "240", **more}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `init` was run once; never used itself."""
    folder = tmp_path_factory.mktemp("made")
    Shell(folder).ok(*INIT)
    return folder


@pytest.fixture
def shell(made: Path, tmp_path: Path) -> Shell:
    """Commands over a fresh installation that knows no corporate."""
    folder = tmp_path / "installation"
    shutil.copytree(made, folder)
    return Shell(folder)


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """Commands in a folder without an installation."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return Shell(folder)


@pytest.fixture(scope="session")
def corporate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A corporate server that runs while the tests do."""
    config, root = found(tmp_path_factory.mktemp("corporate"), "")
    with running(config, root) as server:
        yield server


def token(server: Server) -> str:
    """A fresh enrolment token, without the time that another process takes."""
    with server.store() as store:
        return make_token(store, "St Mary", "tests", datetime.now(UTC), life=timedelta(days=1), signature_allowed=False)


@pytest.fixture
def ready(corporate: Server, tmp_path: Path) -> Shell:
    """Commands over an enrolled installation whose case `event` is on and approved; nothing was recorded yet."""
    folder = tmp_path / "ready"
    folder.mkdir()
    shell = Shell(folder)
    shell.ok("init", "--name", "here", "--corporate-url", corporate.wire, "--root", corporate.root)
    shell.ok("enrol", "--token-file", "-", typed=token(corporate) + "\n")
    shell.ok("on", "event", "--yes")
    shell.ok("approve", "--case", "event", "--authority", "ticket 7", "--yes")
    return shell
