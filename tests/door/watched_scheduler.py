"""Runs the scheduler, and writes a line for each connection, datagram and name that Python code asks the system for.

Sockets that are made and not connected are not counted: urllib3 makes one when it is imported, to see whether this
machine has IPv6.
"""

from __future__ import annotations

import sys
from pathlib import Path

_SEEN = Path(sys.argv.pop(1)).open("a", buffering=1)  # noqa: SIM115  open as long as the process lives
_WATCHED = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


def _watch(name: str, arguments: tuple[object, ...]) -> None:
    if name in _WATCHED:
        print(name, arguments, file=_SEEN)


sys.addaudithook(_watch)

from diffgram_home import scheduler  # noqa: E402  after the watch began

sys.exit(scheduler.main())
