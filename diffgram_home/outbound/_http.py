"""One exchange of HTTP at a time with what stands at the end of a way.

For the door only (`diffgram_home.outbound`).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic

from urllib3.connection import HTTPSConnection

from diffgram_home import exchange, route
from diffgram_home.deadline import Deadline
from diffgram_home.exchange import Answer, NotReached, Unknown
from diffgram_home.outbound._sockets import opened
from diffgram_home.outbound._telling import told_as
from diffgram_home.outbound._way import Way

_HEADERS = {"User-Agent": "diffgram-home", "Accept-Encoding": "identity"}
_KEPT_S = 2.0  # how long a connection may lie idle between two exchanges of a round


class _Connection(HTTPSConnection):
    """An HTTPS connection over a socket that the door opened: urllib3 looks no name up and chooses no address."""

    opened: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.opened


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `content` gives the body at the last moment, when the connection stands."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Callable[[], bytes] | None = None


@dataclass(slots=True)
class _Line:
    """A connection to corporate, the TLS context it was made with, and a duplicate of its plain socket.

    The duplicate is what a deadline shuts: TLS takes the first one over, and `SSLSocket.shutdown` would drop the TLS
    layer and let the waiting reader take what is left for plain text.
    """

    connection: _Connection
    context: ssl.SSLContext
    plain: socket.socket
    free_at: float | None = None

    def cut(self) -> None:
        """End it under whoever waits on it."""
        self.plain.shutdown(socket.SHUT_RDWR)

    def is_fresh(self) -> bool:
        """Whether it can carry another exchange: still open, nothing on it that nobody asked for, not kept for long.

        A server that closes it in this very moment leaves the next exchange `unknown`; the limit keeps that rare.
        """
        if self.free_at is None or monotonic() - self.free_at > _KEPT_S:
            return False
        return self.connection.is_connected and not self.connection.sock.pending()

    def close(self) -> None:
        self.connection.close()
        self.plain.close()


class HttpWay(Way):
    """A way on which HTTP is spoken; a connection can be kept from one exchange to the next."""

    def __init__(self, way: route.Route, timeout_s: float) -> None:
        super().__init__(way, timeout_s)
        self._keeps = False
        self._line: _Line | None = None

    def _exchange(self, request: Request, context: ssl.SSLContext) -> Answer:
        line = None
        try:
            with self._within() as deadline:
                line = self._kept(deadline, context) or self._connected(deadline, context)
                answer = _ask(line, deadline, self._route.base, request)
            if self._keeps and answer.status == HTTPStatus.OK and line.free_at is not None:
                self._line = line
            return answer
        finally:
            if line is not None and line is not self._line:
                line.close()

    def _kept(self, deadline: Deadline, context: ssl.SSLContext) -> _Line | None:
        """The connection of the exchange before, if it will do."""
        line = self._line
        if line is None or line.context is not context or deadline.ended or not line.is_fresh():
            self._hang_up()
            return None
        self._line = None
        deadline.watch(line.cut)
        line.connection.timeout = deadline.left_s()
        return line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _connected(self, deadline: Deadline, context: ssl.SSLContext) -> _Line:
        near, port = self._route.near
        connection = _Connection(near, port, ssl_context=context, timeout=deadline.left_s())
        if self._route.proxy is not None:
            connection.set_tunnel(self._route.host, self._route.port, headers=dict(self._route.proxy_headers))
        with told_as(NotReached, deadline, self._route.host), contextlib.ExitStack() as undoing:
            connection.opened, plain = opened(near, port, deadline)
            line = _Line(connection, context, plain)
            undoing.callback(line.close)
            undoing.callback(deadline.forget)
            connection.connect()
            undoing.pop_all()
        return line


def _ask(line: _Line, deadline: Deadline, base: str, request: Request) -> Answer:
    body = request.content() if request.content else None
    target, headers = base + request.path, {**_HEADERS, **request.headers}
    connection, sent = line.connection, False
    with told_as(Unknown, deadline, connection.host):
        # A server may answer (413, say) and close before it has read the body: its answer still counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            connection.request(
                request.method, target, body=body, headers=headers, preload_content=False, decode_content=False
            )
            sent = True
        response = connection.getresponse()
        received = exchange.whole(response.read)
        if deadline.ended:  # the clock cut it: without a length in its head a cut answer looks whole
            raise TimeoutError
    line.free_at = monotonic() if sent and connection.sock is not None else None  # it is None where the server closes
    asked = exchange.retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
    return Answer(response.status, received, asked)
