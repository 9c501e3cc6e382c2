"""`diffgram-home run`: one process that keeps the pages and the scheduler running, and ends both when either ends.

It looks first whether the address of the pages is free, so that a busy port starts nothing; then it forks two children
from one loaded program, so that they share its memory: gunicorn with the pages, and the scheduler. It serves nothing
itself and holds no database connection (an open SQLite handle must not cross a fork).

Rules: a signal to end goes to both children; the first child that ends takes the other with it; when this process is
killed outright the kernel ends the children (PR_SET_PDEATHSIG). gunicorn reads no configuration file, no environment
variable and opens no control socket: everything it is told stands in `_Pages.load_config`.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from audit.quiet import Quiet
from diffgram_home import app, holders, lingering, scheduler, tripwire
from diffgram_home.errors import HomeError
from diffgram_home.settings import Settings

THREADS = 8
REQUEST_TIMEOUT_S = 60
GRACE_S = 25
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_AWAITED = _ENDING | {signal.SIGCHLD}
_PR_SET_PDEATHSIG = 1


class AddressUnusable(HomeError):
    """Somebody listens already where the pages should."""


def run(settings: Settings, config: Path, say: Callable[[str], None], only: str | None = None) -> bool:
    """Serve until told to end. True when it was told to, False when a child ended by itself.

    `only` is pages or scheduler, where each has its own service. Raises AddressUnusable before anything is started.
    """
    if only != "scheduler":
        check_address(settings.web.address, settings.web.port)
    _share_what_is_there()
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    parts = {"pages": lambda: _Pages(settings, say).run(), "scheduler": lambda: _schedule(settings, config)}
    children = {_start(work): name for name, work in parts.items() if only in (None, name)}
    for pid, name in children.items():
        say(f"{name} started (process {pid})")
    return _supervise(children, say)


def check_address(address: str, port: int) -> None:
    """Raise AddressUnusable, which names the holder where it can be seen, when the port is taken."""
    holder = holders.of_address(address, port)
    if holder is not None:
        hint = "end that process, or choose another port under [web] in the settings"
        raise AddressUnusable("address-in-use", f"port {port} is in use by {holder}", hint)


class _Log(Quiet, Logger):  # type: ignore[misc]
    """gunicorn's log, without what was sent."""


class _Pages(BaseApplication):  # type: ignore[misc]
    """gunicorn with the pages, configured by settings alone."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> Mapping[str, Any]:
        web = self._settings.web
        scheme = "https" if web.certificate else "http"
        return {
            "bind": f"[{web.address}]:{web.port}" if ":" in web.address else f"{web.address}:{web.port}",
            "workers": web.workers,
            "worker_class": self._worker(),
            "threads": THREADS,
            "timeout": REQUEST_TIMEOUT_S,
            "graceful_timeout": GRACE_S - 5,
            "preload_app": True,
            "control_socket_disable": True,
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108  a heartbeat file
            "certfile": str(web.certificate) if web.certificate else None,
            "keyfile": str(web.key) if web.key else None,
            "forwarded_allow_ips": "127.0.0.1,::1" if web.behind_proxy else "",
            "loglevel": "warning",
            "logger_class": _Log,
            "proc_name": "diffgram-home",
            "when_ready": lambda _server: self._say(f"pages on {scheme}://{web.address}:{web.port}/"),
        }

    def _worker(self) -> type[lingering.Worker]:
        class Worker(lingering.Worker):
            """With the time that this installation's corporate may take."""

            request_s = lingering.REQUEST_S + self._settings.corporate.timeout_s

        return Worker

    def load(self) -> Any:
        tripwire.arm("pages")
        made = app.create_app(self._settings)
        _share_what_is_there()  # index and catalogue, too: walking them again and again costs requests a fifth
        return made


def _share_what_is_there() -> None:
    """Objects that live on in every child are not walked by its collector, so their pages stay shared."""
    gc.collect()
    gc.freeze()


def _schedule(settings: Settings, config: Path) -> None:
    tripwire.arm("scheduler")
    scheduler.run(settings, config)


def _start(work: Callable[[], object]) -> int:
    """Fork a child that does `work` and ends with it; the child's process id."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _child(work, parent)
    return pid


def _child(work: Callable[[], object], parent: int) -> NoReturn:
    status = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed between the fork and the line above
            os._exit(1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent passes on a SIGTERM
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        work()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _supervise(children: dict[int, str], say: Callable[[str], None]) -> bool:
    """Wait for a signal or for a child to end, then end what is left. True when a signal came first."""
    ended: Mapping[int, int] = {}
    asked = False
    while not ended and not asked:
        asked = signal.sigwait(_AWAITED) in _ENDING
        ended = _reap(children)
    for pid, status in ended.items():
        if not asked:
            say(f"{children[pid]} ended by itself ({_how(status)}): ending the rest")
    _end({pid: name for pid, name in children.items() if pid not in ended}, say)
    return asked


def _reap(children: Mapping[int, str]) -> dict[int, int]:
    """Process id -> wait status of each child that has ended."""
    answers = (os.waitpid(pid, os.WNOHANG) for pid in children)
    return {pid: status for pid, status in answers if pid}


def _end(left: dict[int, str], say: Callable[[str], None]) -> None:
    for pid in left:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while left and (remaining := deadline - time.monotonic()) > 0:
        signal.sigtimedwait(_AWAITED, remaining)
        for pid in _reap(left):
            del left[pid]
    for pid, name in left.items():
        say(f"{name} did not end within {GRACE_S} s: killed")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
