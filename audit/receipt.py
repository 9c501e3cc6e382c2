"""Receipts: corporate's signed statement of the bytes that it received (docs/formats/receipt.md).

`issue` is called by corporate, `read` and `matches` by the installation and by anybody who verifies later. Which keys
may sign receipts is the manifest's matter; transport and storage are left to others.

Rules:
  - `sha256` is the hash of the body that arrived with this very request, before any Content-Encoding.
  - A number that was voided after its batch had arrived is answered with `void` false and `already`, the hash of the
    batch that corporate keeps under that number.
  - Claims are canonical JSON with exactly the members below; anything else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.canonical import MAX_INTEGER
from audit.errors import SignatureRefused

FORMAT: Final = "diffgram-receipt/1"

_Hex64 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
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
    authenticated  "mtls+signature", "signature" where a proxy broke the first, or "signature+by-hand" for a file
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
    values = {name: getattr(receipt, name) for name in _MEMBERS}
    payload = _encode(_Claims(format=FORMAT, received_at=receipt.received_at.astimezone(UTC).strftime(_TIME), **values))
    try:
        _claims(payload)
    except SignatureRefused as no:
        raise ValueError(f"a receipt cannot say this: {no}") from None
    return signed.sign(payload, key, signed.RECEIPT)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Receipt:
    """Return the receipt in `token`, verified and complete. Raises SignatureRefused."""
    claims = _claims(signed.verify(token, keys, signed.RECEIPT))
    values = {name: getattr(claims, name) for name in _MEMBERS}
    return Receipt(received_at=datetime.fromisoformat(claims.received_at), **values)


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


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload, member by member."""

    already: _Hex64 | None
    authenticated: Literal["mtls+signature", "signature", "signature+by-hand"]
    case: Literal["event", "browser", "support", "licensing"]
    format: Literal["diffgram-receipt/1"]
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    ledger_root: _Hex64
    ledger_size: _Count
    messages: _Count
    received_at: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]
    sequence: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
    sha256: _Hex64
    void: bool


_MEMBERS = tuple(field.name for field in fields(Receipt) if field.name != "received_at")
_decode = msgspec.json.Decoder(_Claims).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _claims(payload: bytes) -> _Claims:
    try:
        claims = _decode(payload)
        datetime.fromisoformat(claims.received_at)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _refused("receipt-malformed", "the receipt does not have exactly its members") from None
    if _encode(claims) != payload:
        raise _refused("receipt-malformed", "the receipt is not in canonical form")
    if claims.void and (claims.messages or claims.already is not None):
        raise _refused("receipt-malformed", "a void number has no messages and no earlier batch")
    if claims.already is not None and claims.messages:
        raise _refused("receipt-malformed", "the answer to a late void counts no messages")
    return claims


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "keep the batch as unknown and ask corporate")
