"""Real processes and real data folders for the tests of the command line.

`shell` runs `diffgram-home` in a folder with an installation of its own, copied from one that `init` made once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = "https://127.0.0.1:9"
FINGERPRINT = "sha256:" + "0" * 64
INIT = ("init", "--name", "here", "--corporate-url", NOWHERE, "--root", FINGERPRINT)
LIMIT_S = 60


@dataclass(frozen=True)
class Shell:
    """Runs commands in `folder`, which holds diffgram-home.toml."""

    folder: Path

    def __call__(
        self, *arguments: str, typed: str | None = None, before: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The finished command; `typed` goes to its standard input, `before` stands before the interpreter."""
        command = [*before, sys.executable, "-m", "diffgram_home.cli", *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DIFFGRAM_")}
        environ = {**kept, "PYTHONPATH": str(ROOT), **environment}
        typed = "" if typed is None else typed
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ,
            input=typed,
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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `init` was run once; never used itself."""
    folder = tmp_path_factory.mktemp("made")
    Shell(folder).ok(*INIT)
    return folder


@pytest.fixture
def shell(made: Path, tmp_path: Path) -> Shell:
    """Commands over a fresh installation."""
    folder = tmp_path / "installation"
    shutil.copytree(made, folder)
    return Shell(folder)


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """Commands in a folder without an installation."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return Shell(folder)
