"""The tripwire: an audit hook (PEP 578) that lets Python code of this process open no way out but the door's.

Every process of the installation arms it as it starts: pages, scheduler, `run`, and each command. From then on the door
opens a permit for exactly one name, or one address and port, in one thread, for the time of one look-up or connection.
The customer's own hosts (database, syslog), which stand in the egress registry, need none. Whatever else Python code
tries, such as a connection, a datagram, a name, a program, a shared library, raises NotThroughTheDoor and is noted in a
file that `tripped` moves into the ledger. Rules:

- It lists what is allowed. Loopback is no exception: a proxy may listen there.
- It works in every thread and in forked children, and cannot be taken off again.
- The hook opens no database and takes no lock: a note is one write to a file of bounded size. It never ends a process.
- It sees what the interpreter announces. C code (libpq, a compiled library) is not seen, nor Python code that means to
  pass it: those meet the kernel's address list (fences.py). docs/fences.md says so, too.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import os
import re
import stat
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from diffgram_home import egress
from diffgram_home.settings import Settings

FOLDER = "tripped"
"""Below the data folder: one file of notes a day and user."""
DAY_LIMIT_BYTES = 256 * 1024
"""A day's file is no longer: a loop that tries for ever is told, and does not fill the disk."""
UNDECLARED = "<undeclared>"
MOST_PLACES = 4

_UNIX, _INET, _INET6 = 1, 2, 10  # the address families of Linux; the module that names them may not be imported here
_FAMILIES = (-1, _UNIX, _INET, _INET6)  # -1: wraps a descriptor that exists, such as an accepted connection
_KINDS = (1, 2, 0xF)  # stream, datagram, and -1 of a wrapped descriptor; no raw packets
_SYSLOG = ("/dev/log", "/var/run/syslog", "/run/systemd/journal/syslog", "/run/systemd/journal/dev-log")
_OWN_PROGRAMS = (("-m", "diffgram_home.cli.serve"), ("-m", "diffgram_home.proving"))
_LIBRARY_FUNCTIONS = ("prctl", "mlock")
"""What ctypes may take of the C library: for serving.py, which ends the children of a parent that was killed, and for
browser/day_key.py, which keeps the page with the key of sessions from being swapped out."""
_STANDARD = sysconfig.get_path("stdlib")
_MODULE = re.compile(r"[A-Za-z0-9_.]{1,80}\Z")


class NotThroughTheDoor(PermissionError):
    """Code tried a way out other than the door. It is an OSError, so that libraries take it for a failed connection."""

    def __init__(self, means: str) -> None:
        super().__init__(errno.EACCES, f"the tripwire refused {means}: only the door may open a way out")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the settings say: hosts that need no permit, names of all that is declared, and where notes go."""

    own: frozenset[tuple[str, int]] = frozenset()
    declared: Mapping[str, int] = field(default_factory=dict)
    notes: Path | None = None


class _Permits(threading.local):
    """What the door has opened in this thread."""

    address: object = None
    name: tuple[str, int] | None = None
    noting: bool = False


_known = _Known()
_permits = _Permits()
_process: str | None = None
_sockets = set(_SYSLOG)


def arm(process: str) -> None:
    """Stretch the tripwire in this process, for good; `process` is pages, scheduler, run or command."""
    global _process
    already, _process = _process, process
    if already is None:
        if os.environ.get("NOTIFY_SOCKET"):  # systemd's, to which gunicorn says that it is ready
            _sockets.add(os.environ["NOTIFY_SOCKET"])
        sys.addaudithook(_hook)


def know(settings: Settings) -> None:
    """Learn the customer's own hosts from the settings, and where to note; forgets what was known before."""
    global _known
    registry = egress.registry(settings)
    own = frozenset((d.host.lower(), d.port) for d in registry if d.protocol not in egress.DOORS)
    declared = {d.host.lower(): d.port for d in reversed(registry)}
    _known = _Known(own, declared, settings.folder / FOLDER)


@contextlib.contextmanager
def connecting(address: object) -> Iterator[None]:
    """Permit one connection to `address`, as the socket takes it, in this thread. For the door alone."""
    _permits.address = address
    try:
        yield
    finally:
        _permits.address = None


@contextlib.contextmanager
def looking_up(host: str, port: int) -> Iterator[None]:
    """Permit to look up `host` in this thread. For the door alone."""
    _permits.name = (host, port)
    try:
        yield
    finally:
        _permits.name = None


def _hook(means: str, arguments: tuple[Any, ...]) -> None:
    """What the interpreter calls for each thing it announces: thousands a second, so the first look is the only one."""
    judge = _JUDGES.get(means)
    if judge is None:
        return
    refused = judge(*arguments)
    if refused is None:
        return
    with contextlib.suppress(Exception):  # a full disk must not make another error of this one
        _note(means, refused)
    raise NotThroughTheDoor(means)


def _reach(sock: Any, address: Any) -> str | None:
    """None if it may be reached; else what to note of it."""
    if address is None or address == _permits.address:  # None: along a connection that exists
        return None
    if sock.family == _UNIX:
        return None if address in _sockets else UNDECLARED
    if sock.family not in (_INET, _INET6) or not isinstance(address, tuple) or len(address) < 2:
        return UNDECLARED
    host, port = str(address[0]).lower(), address[1]
    return None if (host, port) in _known.own else _named(host, port)


def _look_up(host: Any, port: Any = None, *_: Any) -> str | None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if not name or name == "localhost" or _is_address(name) or (name, port) == _permits.name:
        return None
    name = str(name).lower()
    return None if any(own == name for own, _port in _known.own) else _named(name, _known.declared.get(name))


def _look_back(*_: Any) -> str:
    return UNDECLARED


def _make(_socket: Any, family: int, kind: int, _protocol: int) -> str | None:
    return None if family in _FAMILIES and kind & 0xF in _KINDS else UNDECLARED


def _become(path: Any, arguments: Any, _environment: Any) -> str | None:
    own = path == sys.executable and tuple(arguments[1:3]) in _OWN_PROGRAMS
    return None if own else UNDECLARED


def _open_library(name: Any) -> str | None:
    return None if name is None else UNDECLARED


def _take_function(_library: Any, name: Any) -> str | None:
    return None if name in _LIBRARY_FUNCTIONS else UNDECLARED


_JUDGES: Mapping[str, Callable[..., str | None]] = {
    "socket.__new__": _make,
    "socket.connect": _reach,
    "socket.sendto": _reach,
    "socket.sendmsg": _reach,
    "socket.getaddrinfo": _look_up,
    "socket.gethostbyname": _look_up,
    "socket.gethostbyaddr": _look_back,
    "socket.getnameinfo": _look_back,
    "subprocess.Popen": _look_back,
    "os.system": _look_back,
    "os.posix_spawn": _look_back,
    "os.spawn": _look_back,
    "os.exec": _become,
    "pty.spawn": _look_back,
    "ctypes.dlopen": _open_library,
    "ctypes.dlsym": _take_function,
    "ctypes.dlsym/handle": _look_back,
}


def _named(host: str, port: object) -> str:
    """`host:port` if it is declared; what is not may be anything, and is not noted."""
    if _known.declared.get(host) != port or port is None:
        return UNDECLARED
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(text: object) -> bool:
    try:
        ipaddress.ip_address(str(text).partition("%")[0])
    except ValueError:
        return False
    return True


def _note(means: str, destination: str) -> None:
    folder = _known.notes
    if folder is None or _permits.noting:
        return
    _permits.noting = True
    try:
        now = datetime.now(UTC)
        place = " ".join(_places(sys._getframe(2)))
        text = {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "destination": destination, "means": means, "place": place}
        line = json.dumps({**text, "process": _process}).encode() + b"\n"
        _append(folder, f"{now:%Y%m%d}-{os.geteuid()}", line)
    finally:
        _permits.noting = False


def _append(folder: Path, name: str, line: bytes) -> None:
    """One write. The folder is the service's: root follows no link in it, and writes to no file with another name."""
    folder.mkdir(mode=0o700, exist_ok=True)
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(name, flags, 0o600, dir_fd=inside)
        try:
            status = os.fstat(handle)
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size < DAY_LIMIT_BYTES:
                _give(folder.parent.stat(), inside, handle)
                os.write(handle, line)
        finally:
            os.close(handle)
    finally:
        os.close(inside)


def _give(owner: os.stat_result, *handles: int) -> None:
    """Root's command notes, too, and the scheduler, which is the data folder's owner, has to read it."""
    if os.geteuid() == 0 and owner.st_uid != 0:
        for handle in handles:
            os.fchown(handle, owner.st_uid, owner.st_gid)


def _places(frame: FrameType | None) -> Iterator[str]:
    """`module:line` of the innermost frames that are no part of Python itself; never a file's path."""
    found = 0
    while frame is not None and found < MOST_PLACES:
        name = frame.f_globals.get("__name__")
        file = frame.f_code.co_filename
        if "site-packages" in file or not file.startswith((_STANDARD, "<frozen")):
            known = isinstance(name, str) and _MODULE.match(name)
            yield f"{name if known else '<module>'}:{frame.f_lineno}"
            found += 1
        frame = frame.f_back
