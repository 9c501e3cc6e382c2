"""Receipts: corporate's signed statement of the bytes that it received (docs/formats/receipt.md).

`issue` is called by corporate, `read` and `matches` by the installation and by anybody who verifies later. Which keys
may sign receipts is the manifest's matter; transport and storage are left to others.

Rules:
  - `sha256` is the hash of the body that arrived with this very request, before any Content-Encoding.
  - A number that was voided after its batch had arrived is answered with `void` false and `already`, the hash of the
    batch that corporate keeps under that number.
  - Claims are canonical JSON with exactly the members below; anything else is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.canonical import MAX_INTEGER, canonical, read_canonical
from audit.errors import SignatureRefused

FORMAT = "diffgram-receipt/1"
AUTHENTICATED = frozenset({"mtls+signature", "signature"})
CASES = frozenset({"event", "browser", "support", "licensing"})

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt.

    installation   32 hexadecimal digits
    case           one of the four Limited Cases
    sequence       the number of the batch within its case, from 1
    sha256         hash of the body that arrived, 64 hexadecimal digits
    ledger_size    leaves in the installation's ledger when the body was sealed, as the body says
    ledger_root    root at that size, 64 hexadecimal digits
    messages       messages in that body that corporate stored; 0 for a voided number
    received_at    corporate's clock, UTC, to the second
    authenticated  "mtls+signature", or "signature" where a proxy broke the first
    void           whether the number is void at corporate
    already        hash of the batch that had arrived under this number before it was voided, or None
    """

    installation: str
    case: str
    sequence: int
    sha256: str
    ledger_size: int
    ledger_root: str
    messages: int
    received_at: datetime
    authenticated: str
    void: bool
    already: str | None


class Sent(Protocol):
    """What a receipt is compared with: the header of the body that was sent (`audit.gate.Header`)."""

    @property
    def installation(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def ledger_size(self) -> int: ...
    @property
    def ledger_root(self) -> str: ...
    @property
    def void(self) -> str | None: ...


def issue(receipt: Receipt, key: Ed25519PrivateKey) -> str:
    """Return `receipt` as a compact JWS. Raises ValueError for one that `read` would refuse."""
    claims = asdict(receipt) | {"format": FORMAT, "received_at": receipt.received_at.astimezone(UTC).strftime(_TIME)}
    for name, check in _CHECKS.items():
        if not check(claims[name]):
            raise ValueError(f"a receipt cannot say this: {name!r}")
    _check_void(claims)
    return signed.sign(canonical(claims), key, signed.RECEIPT)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Receipt:
    """Return the receipt in `token`, verified and complete. Raises SignatureRefused."""
    claims = _claims(signed.verify(token, keys, signed.RECEIPT))
    for name, check in _CHECKS.items():
        if not check(claims[name]):
            raise _refused("receipt-malformed", f"the receipt has a wrong value for {name!r}")
    try:
        _check_void(claims)
    except ValueError as fault:
        raise _refused("receipt-malformed", str(fault)) from None
    claims.pop("format")
    return Receipt(received_at=_instant(claims.pop("received_at")), **claims)


def matches(receipt: Receipt, header: Sent, sha256: str) -> None:
    """Return if `receipt` speaks of the body with this header and hash; raises SignatureRefused("receipt-differs")."""
    for name in ("installation", "case", "sequence", "ledger_size", "ledger_root"):
        if getattr(receipt, name) != getattr(header, name):
            raise _refused("receipt-differs", f"the receipt speaks of another {name!r} than what was sent")
    if receipt.sha256 != sha256:
        raise _refused("receipt-differs", "the receipt speaks of other bytes than what was sent")
    voided = receipt.void or receipt.already is not None
    if voided != (header.void is not None):
        raise _refused("receipt-differs", "receipt and batch disagree whether the number is void")


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = read_canonical(payload)
    except ValueError:
        claims = {}
    if set(claims) != set(_CHECKS):
        raise _refused("receipt-malformed", "the receipt is not canonical JSON with exactly its members")
    return claims


def _check_void(claims: Mapping[str, Any]) -> None:
    if claims["void"] and (claims["messages"] or claims["already"] is not None):
        raise ValueError("a void number has no messages and no earlier batch")
    if claims["already"] is not None and claims["messages"]:
        raise ValueError("the answer to a late void counts no messages")


def _hex(length: int) -> Callable[[Any], bool]:
    pattern = re.compile(rf"[0-9a-f]{{{length}}}\Z")
    return lambda value: type(value) is str and bool(pattern.match(value))


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= MAX_INTEGER


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _is_time(value: Any) -> bool:
    try:
        return bool(_instant(value).strftime(_TIME) == value)
    except (TypeError, ValueError):
        return False


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "format": lambda value: value == FORMAT,
    "installation": _hex(32),
    "case": lambda value: type(value) is str and value in CASES,
    "sequence": _whole(1),
    "sha256": _hex(64),
    "ledger_size": _whole(0),
    "ledger_root": _hex(64),
    "messages": _whole(0),
    "received_at": _is_time,
    "authenticated": lambda value: type(value) is str and value in AUTHENTICATED,
    "void": lambda value: type(value) is bool,
    "already": lambda value: value is None or _hex(64)(value),
}


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "keep the batch as unknown and ask corporate")
