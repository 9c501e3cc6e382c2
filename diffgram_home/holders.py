"""Who listens on a port of this machine, read from /proc without opening a socket. Linux; elsewhere nothing is seen.

Rules: it only reads. A process of another user cannot be named without root, but that somebody listens can be seen.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"
_LOCAL_ADDRESS, _STATE, _INODE = 1, 3, 9
_UNKNOWN = "another process (root can see which)"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def of_address(address: str, port: int, proc: Path = Path("/proc")) -> str | None:
    """`"name" (process 123)` of who holds `port` so that `address` cannot be listened on; None when it is free."""
    wanted = _parsed(address)
    inodes = [inode for held, inode in _listening(port, proc) if _same(wanted, held)]
    if not inodes:
        return None
    sockets = {f"socket:[{inode}]" for inode in inodes}
    named = (folder for folder in proc.glob("[0-9]*") if sockets & set(_targets(folder / "fd")))
    return next((f'"{_name(folder)}" (process {folder.name})' for folder in named), _UNKNOWN)


def _parsed(address: str) -> Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:  # a name, which only a resolver could tell: every holder of the port counts
        return None


def _same(wanted: Address | None, held: Address) -> bool:
    return wanted is None or wanted == held or wanted.is_unspecified or held.is_unspecified


def _listening(port: int, proc: Path) -> Iterator[tuple[Address, str]]:
    """Address and socket inode of each listener on `port`."""
    for table in (proc / "net/tcp", proc / "net/tcp6"):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            columns = line.split()
            address, _, number = columns[_LOCAL_ADDRESS].rpartition(":")
            if columns[_STATE] == _LISTENING and int(number, 16) == port:
                yield _decoded(address), columns[_INODE]


def _decoded(words: str) -> Address:
    """The kernel prints each 32-bit word of an address as a number of this machine's byte order."""
    parts = [int(words[i : i + 8], 16) for i in range(0, len(words), 8)]
    packed = struct.pack(f"={len(parts)}I", *parts)
    return ipaddress.ip_address(packed)


def _targets(folder: Path) -> Iterator[str]:
    try:
        descriptors = list(folder.iterdir())
    except OSError:  # the process ended, or belongs to somebody else
        return
    for descriptor in descriptors:
        try:
            yield str(descriptor.readlink())
        except OSError:
            continue


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:  # it ended between the two looks
        return "a process that has just ended"
