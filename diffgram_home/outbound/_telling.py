"""Says what went wrong with a connection: a code, a sentence and a hint, never an answer's own words.

For the door only (`diffgram_home.outbound`).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator

from urllib3.exceptions import HTTPError

from diffgram_home import exchange
from diffgram_home.deadline import TOO_SLOW, Deadline
from diffgram_home.exchange import CERTIFICATE_NOT_ACCEPTED, NotReached, Unknown

_OUR_CERTIFICATE = (
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "CERTIFICATE_REQUIRED",
)
_CODES: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, TOO_SLOW),
    (socket.gaierror, "name-not-found"),
    (ConnectionRefusedError, "connection-refused"),
    (OSError, "connection-lost"),
    (http.client.IncompleteRead, "answer-cut"),
)


@contextlib.contextmanager
def told_as(kind: type[NotReached | Unknown], deadline: Deadline, host: str) -> Iterator[None]:
    """Up to the end of the handshake nothing of the body has left: NotReached. From the first byte on: Unknown."""
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise kind(*_explained(error, deadline, host)) from error


def _explained(error: Exception, deadline: Deadline, host: str) -> tuple[str, str, str]:
    """Code, message and hint for `error`. An answer's own words are not passed on: they may hold anything."""
    cause = _root(error)
    if deadline.ended is not None:
        return exchange.told(deadline.ended, host)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return exchange.told("certificate-wrong", host, cause.verify_message)
    return exchange.told(_code(cause), host)


def _code(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason or ""
        ours = "ALERT" in reason and reason.endswith(_OUR_CERTIFICATE)
        return CERTIFICATE_NOT_ACCEPTED if ours else "tls-failed"
    if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"):
        return "proxy-refused"
    return next((code for kind, code in _CODES if isinstance(cause, kind)), "answer-malformed")


def _root(error: BaseException) -> BaseException:
    """What really happened below urllib3's and http.client's wrapping."""
    while isinstance(error, HTTPError) and (error.__cause__ or error.__context__) is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return error
