"""Posts one alert to the webhook: signed, within one time limit, without following anything.

Leaves to others: what and when (sending). Rules: HMAC-SHA-256 with the webhook's key over the time, a full stop, and
the exact body, so that a receiver can tell ours from others' and old from new; any answer but 2xx is a failure; not
more of an answer than its head is read.
"""

import contextlib
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from corporate.alerting.settings import Webhook

LIMIT_S = 10.0
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Went:
    """How one try ended: `code` is None when it was taken; `again` says whether trying again can help."""

    code: str | None
    status: int | None = None
    again: bool = False


def signature(key: bytes, at: str, body: bytes) -> str:
    """What the header Diffgram-Signature says for a body sent `at` (seconds since 1970)."""
    return "v1=" + hmac.new(key, at.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(webhook: Webhook, key: bytes, body: bytes, now: datetime, limit_s: float = LIMIT_S) -> Went:
    """Post `body`, signed."""
    at = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Diffgram-Timestamp": at,
        "Diffgram-Signature": signature(key, at, body),
    }
    return post_to(webhook.url, webhook.ca_file, headers, body, limit_s)


def post_to(url: str, ca_file: str, headers: Mapping[str, str], body: bytes, limit_s: float = LIMIT_S) -> Went:
    """Post `body`; whatever the other end does, this returns about `limit_s` seconds later at most."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": "diffgram-corporate", "Connection": "close", **headers}
    connection = _connection(parts, ca_file, limit_s)
    with contextlib.closing(connection), cut_after(limit_s, lambda: connection.sock) as ended:
        try:
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as e:
            return Went("too-slow" if ended.is_set() else _code(e), again=True)
    if ended.is_set():
        return Went("too-slow", again=True)
    if 200 <= status < 300:
        return Went(None, status)
    return Went("refused", status, again=status >= 500 or status in _AGAIN)


class cut_after:
    """A context in which a socket is shut once so many seconds have passed, under whoever waits on it.

    And again every second until the context is left: while TLS takes a socket over there is none to shut.
    """

    def __init__(self, limit_s: float, sock: Callable[[], socket.socket | None]) -> None:
        self._limit_s, self._sock = limit_s, sock
        self._ended, self._left = threading.Event(), threading.Event()

    def __enter__(self) -> threading.Event:
        """The event is set once the time is over."""
        threading.Thread(target=self._watch, daemon=True).start()
        return self._ended

    def __exit__(self, *_: object) -> None:
        """The clock stops."""
        self._left.set()

    def _watch(self) -> None:
        wait_s = self._limit_s
        while not self._left.wait(wait_s):
            self._ended.set()
            found, wait_s = self._sock(), 1.0
            if found is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(found, socket.SHUT_RDWR)


def trusted(ca_file: str) -> ssl.SSLContext:
    """Who is believed to be the other end: the system's authorities, or those of a file."""
    return ssl.create_default_context(cafile=ca_file or None)


def _connection(parts: SplitResult, ca_file: str, limit_s: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=limit_s)
    return http.client.HTTPSConnection(host, parts.port, timeout=limit_s, context=trusted(ca_file))


def _code(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "too-slow"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "malformed" if isinstance(error, http.client.HTTPException | ValueError) else "not-reached"
