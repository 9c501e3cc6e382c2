"""Programs that are started together, watched, and stopped together.

Each runs in a process group of its own, so that Ctrl-C reaches only us and we stop them in order; and each is told by
the kernel when we die (PR_SET_PDEATHSIG), so that a `kill -9` of ours leaves none behind.

Rules: standard library only; everything that is waited for has a time limit; a program's output goes to its log file.
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from _say import Stop

PR_SET_PDEATHSIG = 1
START_S = 60
STOP_S = 20
POLL_S = 0.1
_LIBC = ctypes.CDLL(None, use_errno=True)


def dying_with(parent: int) -> Callable[[], None]:
    """Return what a child does first, so that the kernel ends it when `parent` dies."""

    def ask_the_kernel() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died between fork and prctl: the signal will never come
            os._exit(1)

    return ask_the_kernel


@contextmanager
def child(command: Sequence[str | Path], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command whose output (both streams) the block reads; when the block is left early, the command is ended."""
    with subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(environ),
        preexec_fn=dying_with(os.getpid()),
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


@dataclass
class Programs:
    """The programs running for us. `logs` is the folder of their log files."""

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> None:
        """Start a program; its output is appended to `<logs>/<name>.log`."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environ or os.environ),
                start_new_session=True,
                preexec_fn=dying_with(os.getpid()),
                cwd="/",
            )

    def wait_for(self, name: str, host: str, port: int, *, pages: bool) -> None:
        """Wait until a program answers on its port (pages: with HTTP), at most START_S; raise Stop when it does not."""
        until = time.monotonic() + START_S
        while not (_answers(host, port) if pages else _listens(host, port)):
            self.check()
            if time.monotonic() > until:
                raise Stop(
                    f"{name} does not answer on {host}:{port} after {START_S} s{self._said(name)}",
                    f"read {self.logs / (name + '.log')}",
                )
            time.sleep(POLL_S)

    def check(self) -> None:
        """Raise Stop if any program has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise Stop(
                    f"{name} ended by itself (exit status {process.returncode}){self._said(name)}",
                    f"read {self.logs / (name + '.log')}, then run this again",
                )

    def stop(self, within_s: float = STOP_S) -> None:
        """Stop all: SIGTERM to each, newest first, then SIGKILL to what is left of its group after `within_s`."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + within_s
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            _kill_group(process)
            process.wait()

    def _said(self, name: str) -> str:
        lines = (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        return "; its log ends with:\n    " + "\n    ".join(lines) if lines else "; it printed nothing"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process while the block runs; raise Stop naming the process that holds it.

    The lock is on the folder itself, so it leaves no file behind and ends with the process.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Stop(
            f"{str(folder)!r} is in use by another install/run ({_lock_holder(handle)})",
            "wait for it, or stop it with Ctrl-C where it runs; another --data gives a second one",
        ) from None
    finally:
        os.close(handle)


def _lock_holder(handle: int) -> str:
    inode = os.fstat(handle).st_ino
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[1] == "FLOCK" and int(words[5].rsplit(":", 1)[1]) == inode:
            return f"process {words[4]}"
    return "its process is not shown by /proc/locks"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a program's group: a grandchild that outlived its parent is still in it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
