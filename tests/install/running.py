"""`install/run` in a copy of the tree, as tests start and stop it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.install.places import DEBIAN_PYTHON, until

FIRST_RUN_S = 600  # two environments from the registry: half a minute on a machine with nothing else to do
SECOND_RUN_S = 40  # 6 s on a machine with nothing else to do
READY = "What to do next"


@dataclass(frozen=True)
class Clone:
    """A copy of the tree that a user owns, and the four ports that its runs use."""

    folder: Path
    ports: tuple[int, ...]
    user: str | None = None

    def command(self, *more: str) -> list[str]:
        """Return the command line of install/run."""
        names = ("--port", "--corporate-port", "--wire-port", "--annotator-port")
        options = [f"{name}={port}" for name, port in zip(names, self.ports, strict=True)]
        # setpriv, not runuser: it becomes the command, so that a signal reaches install/run itself
        become = ["setpriv", f"--reuid={self.user}", "--regid=nogroup", "--clear-groups"] if self.user else []
        return [*become, DEBIAN_PYTHON, str(self.folder / "install/run"), *options, *more]

    def answers(self) -> list[int]:
        """Return the status that each of the three pages answers with."""
        found = []
        for port in (self.ports[0], self.ports[1], self.ports[3]):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                found.append(answer.status)
        return found


class Run:
    """One run of install/run, its output in a file or, with `terminal`, on a terminal of its own."""

    def __init__(self, clone: Clone, *more: str, terminal: bool = False) -> None:
        self.clone = clone
        self.began = time.monotonic()
        self.output = Path(tempfile.mkstemp(dir=clone.folder.parent, suffix=".txt")[1])
        self.master, slave = pty.openpty() if terminal else (None, None)
        environ = {**os.environ, "HOME": str(clone.folder.parent)} if clone.user else dict(os.environ)
        with self.output.open("wb") as file:
            out = slave if slave is not None else file
            self.process = subprocess.Popen(
                clone.command(*more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environ,
            )
        if slave is not None:
            os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """End what a failed test left running."""
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)
        if self.master is not None:
            os.close(self.master)

    def said(self) -> str:
        """Return what was printed so far."""
        return self.output.read_text()

    def read_terminal(self) -> str:
        """Return what the terminal showed until everything was ready."""
        shown = b""
        while READY.encode() not in shown:
            assert self.master is not None
            shown += os.read(self.master, 65536)
        return shown.decode()

    def wait_until_ready(self, limit_s: float) -> float:
        """Wait for the last lines of the start; return how many seconds it took."""
        until(lambda: READY in self.said() or self.process.poll() is not None, limit_s, "the start")
        assert READY in self.said(), self.said()
        return time.monotonic() - self.began

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal, as Ctrl-C does, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)
