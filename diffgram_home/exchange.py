"""What goes into the door and what comes out of it: values and errors, no network.

It leaves the connection to outbound.py and the meaning of an answer to sending.py and enrolment.py. What went wrong
says which side of the first byte it was:

    DoorError
    ├── NotReached   nothing of the body has left this machine
    └── Unknown      the body may have left; nobody here can know
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from diffgram_home.errors import HomeError


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
