"""Sockets and names: the one place where the door looks a name up and connects, each with a permit of the tripwire.

For the door only (`diffgram_home.outbound`).
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from functools import partial
from typing import Any

from diffgram_home import tripwire
from diffgram_home.deadline import Deadline
from diffgram_home.exchange import NotReached
from diffgram_home.outbound._telling import told_as

_ADDRESS_LIMIT_S = 5.0  # for one of several addresses of a name, so that a dead one leaves time for the others


def opened(host: str, port: int, deadline: Deadline) -> tuple[socket.socket, socket.socket]:
    """A connected plain socket to one address of `host`, tried in the resolver's order; and a duplicate of it."""
    addresses = _addresses(host, port, deadline)
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        last = position + 1 == len(addresses)
        sock = socket.socket(family, kind, protocol)
        plain = sock.dup()
        try:
            deadline.watch(partial(plain.shutdown, socket.SHUT_RDWR))
            sock.settimeout(deadline.left_s() if last else min(deadline.left_s(), _ADDRESS_LIMIT_S))
            with tripwire.connecting(address):
                sock.connect(address)
        except OSError:
            deadline.forget()
            plain.close()
            sock.close()
            if last or deadline.ended:
                raise
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(deadline.left_s())
        return sock, plain
    raise socket.gaierror(socket.EAI_NONAME, "no address")


def addresses(host: str, port: int, timeout_s: float) -> list[str]:
    """The addresses of `host` as this machine's resolver says, for the kernel's list. Raises NotReached."""
    deadline = Deadline(timeout_s)
    try:
        with told_as(NotReached, deadline, host):
            return list(dict.fromkeys(str(found[4][0]) for found in _addresses(host, port, deadline)))
    finally:
        deadline.close()


def _addresses(host: str, port: int, deadline: Deadline) -> list[tuple]:
    """The addresses of `host`. A resolver has no time limit of its own, so it runs beside us and may be left behind."""
    try:
        numeric = ipaddress.ip_address(host)
    except ValueError:
        threading.Thread(target=_look_up, args=(host, port, deadline.names), daemon=True).start()
        found = deadline.names.get()  # the deadline puts None here at its end
        if found is None:
            raise TimeoutError("no answer from the resolver") from None
        if isinstance(found, OSError):
            raise found from None
        return found
    family = socket.AF_INET6 if numeric.version == 6 else socket.AF_INET
    return [(family, socket.SOCK_STREAM, 0, "", (host, port))]


def _look_up(host: str, port: int, names: queue.SimpleQueue[Any]) -> None:
    try:
        with tripwire.looking_up(host, port):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        names.put(found)
    except OSError as error:
        names.put(error)
    except UnicodeError:  # a label that cannot be a host name
        names.put(socket.gaierror(socket.EAI_NONAME, "not a host name"))
