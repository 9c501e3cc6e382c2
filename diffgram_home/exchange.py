"""What goes into the door and what comes out of it: values and errors, no network.

It leaves the connection to outbound and the meaning of an answer to sending.py and enrolment.py. What went wrong
says which side of the first byte it was:

    DoorError
    ├── NotReached   nothing of the body has left this machine
    └── Unknown      the body may have left; nobody here can know
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.errors import Refused
from diffgram_home.errors import HomeError

ANSWER_LIMIT_BYTES = 1024 * 1024
"""No answer of corporate's is longer; a longer one is not read to its end."""

REQUESTS: Mapping[str, str] = {"home/deletion-asked": "/v1/deletions"}
"""Kind of request → the one path that it goes to."""

CERTIFICATE_NOT_ACCEPTED = "certificate-not-accepted"
"""The code when the server's TLS layer refuses our certificate: the next attempt should show none."""

_AGAIN = "it is tried again; look at the network"
_TROUBLE = {
    "stopped": ("the exchange was ended because this process stops", "nothing to do; it is tried again"),
    "too-slow": (
        "no complete answer from '{host}' in time",
        "look at the network between here and there, or raise [corporate] timeout_s",
    ),
    "name-not-found": ("the name '{host}' was not found", "look at [corporate] url and the name service"),
    "connection-refused": (
        "'{host}' refused the connection",
        "is corporate running? look at [corporate] url",
    ),
    "proxy-refused": ("the proxy refused the connection", "let the proxy pass it; see 'diffgram-home egress'"),
    "answer-cut": ("the answer of '{host}' ended before its end", _AGAIN),
    "connection-lost": ("the connection to '{host}' was lost", _AGAIN),
    "answer-malformed": (
        "'{host}' did not answer in HTTP",
        "something else may listen there; see [corporate] url",
    ),
    "certificate-wrong": (
        "the certificate of '{host}' is not to be trusted: {words}",
        "ask corporate; behind a proxy that inspects TLS set [corporate] ca_file; look at this machine's clock",
    ),
    CERTIFICATE_NOT_ACCEPTED: (
        "'{host}' did not accept this installation's certificate",
        "the next attempt shows none; corporate then sends a fresh one",
    ),
    "tls-failed": (
        "no TLS connection with '{host}'",
        "is it the right port? look at [corporate] url and proxies",
    ),
}


class DoorError(HomeError):
    """A connection that did not bring an answer."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint, retry=True)


class NotReached(DoorError):
    """Nothing of the body has left this machine."""


class Unknown(DoorError):
    """The body may have left: whether corporate has it is not known here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `retry_after_s` (seconds) is Retry-After as number or date; None when absent or unreadable."""

    status: int
    body: bytes
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail server's answer to a letter: taken, or `refused` at a step (sign-in, sender, address, letter).

    `status` is the number of its answer (RFC 5321).
    """

    refused: str | None
    status: int


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates corporate's server may show."""

    certificates: tuple[str, ...]
    """Certificate authorities as PEM, from the manifest that the pinned root signed."""
    ca_file: Path | None = None
    """The customer's own, for a proxy that inspects TLS."""
    system: bool = False
    """Also the authorities of this machine."""


@dataclass(frozen=True, slots=True)
class Identity:
    """This installation towards corporate."""

    installation: str
    key: Ed25519PrivateKey
    key_file: Path
    certificate_file: Path | None
    """None: no certificate is shown (it expired); the signature over the body still says who speaks."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an enrolment sends: a token that corporate minted, an id that was minted here, and a signing request."""

    token: str
    installation: str
    csr: str


def catalogues(first: int) -> str:
    """The path of the published list from entry `first` on."""
    return f"/v1/catalogues/{first}"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number of seconds or a date; None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdecimal() and len(value.strip()) <= 9:
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)


def told(code: str, host: str, words: str = "") -> tuple[str, str, str]:
    """Code, message and hint of what went wrong with `host`; `words` are those of our own TLS library."""
    message, hint = _TROUBLE[code]
    return code, message.format(host=host, words=words), hint


def whole(read: Callable[[int], bytes]) -> bytes:
    """The body that `read` gives in parts, asked until there is no more: only then is its length known to be whole.

    Raises Unknown when it is longer than ANSWER_LIMIT_BYTES.
    """
    parts, size = [], 0
    while part := read(65_536):
        parts.append(part)
        size += len(part)
        if size > ANSWER_LIMIT_BYTES:
            raise Unknown(
                "answer-too-large",
                f"the answer is longer than {ANSWER_LIMIT_BYTES} bytes",
                "something other than corporate may be answering; look at [corporate] url and any proxy",
            )
    return b"".join(parts)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Whatever goes wrong in here, no byte has left: NotReached says so, or Refused where the gate said no."""
    try:
        yield
    except (Refused, NotReached):
        raise
    except HomeError as error:
        raise NotReached(error.code, str(error.args[0]), error.hint) from error
    except Exception as error:
        # Only the kind of error: its words may hold values.
        text = f"it could not be made ready to go: {type(error).__name__}"
        raise NotReached("not-ready", text, "run 'diffgram-home check'; tell the vendor if it lasts") from error


def other_installation(what: str) -> NotReached:
    """The error for a batch or request that names another installation than this one."""
    hint = "the data folder was mixed with another's; restore it from one backup"
    return NotReached("other-installation", f"the {what} names another installation", hint)


@contextmanager
def usable(files: Sequence[Path]) -> Iterator[None]:
    """Trouble with a file that TLS needs is told as what it is: nothing was opened, and nothing left."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        named = " or ".join(f"'{file}'" for file in files) or "the authority in the manifest"
        hint = "restore [corporate] ca_file or its permissions; for certificate.pem run 'diffgram-home enrol --again'"
        raise NotReached("certificate-file", f"{named} cannot be used for TLS", hint) from error
