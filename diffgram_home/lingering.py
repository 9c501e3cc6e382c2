"""gunicorn's threaded worker with an end to every request: a client that lingers does not keep a thread for good.

gunicorn waits for the first byte beside its threads, and from then on in one, without any limit: as many half sent
handshakes as there are threads once held a whole worker. Rules:

- A handshake and a request's head have HEAD_S, then the request has REQUEST_S and the longest that corporate may take,
  body and answer included. What is over is cut under whoever waits on it.
- A thread that has answered stays with its connection for up to STAY_S, if none waits for a thread: who sends one
  request after the other is then not handed back to gunicorn's loop and out again for each, which costs more than most
  requests do.
- Only connections are counted and cut; what the application does meanwhile goes on to its end.
- It shortens such an attack and does not end it: before pages that strangers reach belongs a proxy.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from dataclasses import dataclass
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

HEAD_S, REQUEST_S, STAY_S = 5.0, 60.0, 0.02
_BOTH_WAYS = 2  # SHUT_RDWR; the module that names it may not be imported here


@dataclass(slots=True)
class _Busy:
    """A connection that holds a thread until `ends` (monotonic). `plain` is its socket as it was before TLS."""

    sock: Any
    plain: Any
    ends: float

    def cut(self) -> None:
        """End it below TLS: SSLSocket's own shutdown would take what is left for plain text."""
        with contextlib.suppress(OSError):
            if self.plain is not None:
                self.plain.shutdown(_BOTH_WAYS)
            else:
                super(type(self.sock), self.sock).shutdown(_BOTH_WAYS)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker whose threads come back; `request_s` is how long a request may take once its head is there."""

    request_s = REQUEST_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._busy: dict[Any, _Busy] = {}
        self._holding = threading.Lock()
        self._waiting = 0

    def enqueue_req(self, conn: Any) -> None:
        """Let a connection wait for a thread."""
        with self._holding:
            self._waiting += 1
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Handle a connection, in a thread: a request, and those that follow at once."""
        with self._holding:
            self._waiting -= 1
        kept = self._handle_one(conn)
        while kept is True and self.alive and not self._waiting and _is_readable(conn.sock):
            kept = self._handle_one(conn)
        return kept

    def _handle_one(self, conn: Any) -> Any:
        plain = None if conn.initialized else conn.sock.dup()
        with self._holding:
            self._busy[conn] = _Busy(conn.sock, plain, time.monotonic() + HEAD_S)
        try:
            return super().handle(conn)
        finally:
            with self._holding:
                del self._busy[conn]
                if plain is not None:
                    plain.close()

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head is there: from now on it is the request's time."""
        with self._holding:
            self._busy[conn].ends = time.monotonic() + self.request_s
        return super().handle_request(req, conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """What gunicorn calls every second."""
        super().murder_keepalived(force)
        now = time.monotonic()
        with self._holding:
            for one in self._busy.values():
                if one.ends < now:
                    one.cut()


def _is_readable(sock: Any) -> bool:
    """Wait up to STAY_S for something to read on a connection."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(STAY_S * 1000))
