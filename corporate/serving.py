"""The processes of one server: a supervisor, a gunicorn for each of the two listeners, one that follows ingest, and
one that tells about issues where the settings name a way.

Leaves to others: what is answered (app), what follows (issues.process), who is told (alerting). Rules: ports are bound
before anything else, so that a busy one starts nothing; the applications are built before the fork, so that all
processes share their memory; when one of them ends, or the supervisor is told to, all of it ends. gunicorn's control
socket stays off.
"""

import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from audit.quiet import Quiet
from corporate import listening, manifest, migrating
from corporate.alerting import process as telling
from corporate.app import create_app
from corporate.errors import OperatorError
from corporate.issues import process
from corporate.server import open_corporate, prepare
from corporate.settings import Pages, Settings, Wire

_STOP_S = 15
_LOOK_S = 3600
_SIGNALS = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two listeners can be reached."""

    wire: str
    pages: str


def run(settings: Settings, tell: Callable[[Addresses], None]) -> int:
    """Serve until told to stop (SIGINT, SIGTERM). Calls `tell` once both listeners are bound and about to answer.

    Returns 0 after an orderly stop, 1 when a listener ended by itself. Raises OperatorError when a port is busy, a key
    is missing, or the database cannot be used.
    """
    with bind(settings.wire) as wire, bind(settings.pages) as pages:
        manifest.complete(settings.folder, settings.name, datetime.now(UTC))
        bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        server = replace(open_corporate(settings), bell=bell)
        migrating.upgrade(server.store)
        prepare(server, datetime.now(UTC))
        listening.renew_server_certificate(settings, server.keys.authority, datetime.now(UTC))
        apps = {part: create_app(settings, part, server) for part in ("wire", "pages")}
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        children = {
            _fork(lambda: _Gunicorn(apps["wire"], wire_options(settings, wire.fileno())).run()),
            _fork(lambda: _Gunicorn(apps["pages"], pages_options(settings, pages.fileno())).run()),
            _fork(lambda: process.run(server)),
            *((_fork(lambda: telling.run(server)),) if settings.alerts.ways else ()),
        }
        scheme = "https" if settings.pages.certificate else "http"
        tell(Addresses(_url("https", wire), _url(scheme, pages)))
        return _supervise(
            children, lambda now: listening.renew_server_certificate(settings, server.keys.authority, now)
        )


def bind(listener: Wire | Pages) -> socket.socket:
    """A listening socket. Raises OperatorError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((listener.address, listener.port))
    except OSError as e:
        made.close()
        raise OperatorError(
            "port",
            f"cannot listen on {listener.address} port {listener.port}: {e.strerror}",
            f"see who has it with: ss -ltnp 'sport = :{listener.port}', or choose another port in corporate.toml",
        ) from e
    made.listen(512)
    return made


def wire_options(settings: Settings, fd: int) -> dict[str, Any]:
    """gunicorn's options for the wire."""
    return {
        **_options(settings.wire, fd),
        "certfile": str(listening.server_certificate(settings)),
        "ssl_context": listening.wire_context(settings),
    }


def pages_options(settings: Settings, fd: int) -> dict[str, Any]:
    """gunicorn's options for the pages."""
    options = _options(settings.pages, fd)
    if settings.pages.certificate and settings.pages.key:
        options["certfile"] = str(settings.pages.certificate)
        options["keyfile"] = str(settings.pages.key)
        options["ssl_context"] = listening.pages_context(settings)
    return options


def _options(listener: Wire | Pages, fd: int) -> dict[str, Any]:
    return {
        "bind": f"fd://{fd}",
        "workers": listener.workers,
        "threads": listener.threads,
        "worker_class": "gthread",
        "preload_app": True,
        "control_socket_disable": True,
        "keepalive": 15,
        "timeout": 60,
        "graceful_timeout": 10,
        "loglevel": "warning",
        "errorlog": "-",
        "logger_class": _Log,
        "limit_request_line": 2048,
        "limit_request_fields": 40,
        "limit_request_field_size": 4096,
        "forwarded_allow_ips": "",
    }


class _Log(Quiet, Logger):  # type: ignore[misc]
    """gunicorn's log, without what was sent."""


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """gunicorn for an application that is already built."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Take our options; nothing comes from a file, an argument or the environment."""
        for key, value in self._options.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        """The application."""
        return self._app


def _fork(work: Callable[[], object]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        # A supervisor that is killed outright must not leave its listeners behind.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        if os.getppid() == parent:
            work()
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 0 if e.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _supervise(children: set[int], renew: Callable[[datetime], None]) -> int:
    """Wait for a signal to stop, or for a child that ends; then end the rest."""
    while True:
        received = signal.sigtimedwait(_SIGNALS, _LOOK_S)
        if received is None:
            renew(datetime.now(UTC))
        elif received.si_signo != signal.SIGCHLD:
            _stop(children)
            return 0
        elif ended := _ended(children):
            children -= ended
            _stop(children)
            return 1


def _ended(children: set[int]) -> set[int]:
    return {child for child in children if os.waitpid(child, os.WNOHANG)[0] == child}


def _stop(children: set[int]) -> None:
    for child in children:
        os.kill(child, signal.SIGTERM)
    deadline = datetime.now(UTC).timestamp() + _STOP_S
    while children and datetime.now(UTC).timestamp() < deadline:
        signal.sigtimedwait((signal.SIGCHLD,), 0.2)
        children -= _ended(children)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _url(scheme: str, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
