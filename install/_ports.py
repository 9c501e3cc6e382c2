"""Who holds a TCP port of this machine, read from /proc.

Rules: standard library only; asks no other program; says what it may read, and how to learn the rest.
"""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

from _say import Stop

LISTEN = "0A"  # st in /proc/net/tcp, see include/net/tcp_states.h


def require_free(host: str, ports: dict[int, str]) -> None:
    """Raise Stop naming every busy port, who holds it, and what to do; `ports` maps each to what it is for."""
    busy = [port for port in ports if not _is_free(host, port)]
    if not busy:
        return
    lines = [f"port {port} (for {ports[port]}) is held by {holder(port)}" for port in busy]
    raise Stop(
        "; ".join(lines) + "; nothing was started",
        "stop what holds it, or choose other ports: install/run --help lists the options",
    )


def holder(port: int) -> str:
    """Name the process that listens on a port: name, pid, user, command line, as far as /proc shows them."""
    sockets = _listening(port)
    for pid in sorted(int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()):
        if any(inode in sockets for inode in _sockets(pid)):
            return _describe(pid)
    users = sorted({_user(uid) for uid in sockets.values()})
    if not users:
        return "a process that /proc does not show (in another container or network namespace)"
    return f"a process of user {' and '.join(users)} (run this to see which: sudo ss -ltnp 'sport = :{port}')"


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a port in TIME_WAIT looks busy
        try:
            probe.bind((host, port))
        except PermissionError as refused:
            raise Stop(
                f"port {port} cannot be used by this user ({refused.strerror})", "choose a port above 1023"
            ) from refused
        except OSError:
            return False
    return True


def _listening(port: int) -> dict[str, int]:
    """Return inode -> uid of the sockets that listen on the port."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:] if Path(table).exists() else ():
            words = line.split()
            if words[3] == LISTEN and int(words[1].rsplit(":", 1)[1], 16) == port:
                found[words[9]] = int(words[7])
    return found


def _sockets(pid: int) -> list[str]:
    """Return the inodes of a process's sockets; none where the process is gone or another user's."""
    try:
        links = [_target(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []
    return [link[len("socket:[") : -1] for link in links if link.startswith("socket:[")]


def _target(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:  # closed since it was listed, as the one of our own listing is
        return ""


def _describe(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return f"{name!r}, process {pid} of user {_user(Path(f'/proc/{pid}').stat().st_uid)}: {command[:200]}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
