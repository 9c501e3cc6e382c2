"""The release statement: corporate's signature over a product's index and catalogue files, to be checked offline.

One file that ships with the release (docs/formats/release.md): corporate's root and manifest of keys, and the signed
statement itself. Who has the file, the index and the fingerprint of the root needs nothing else: no network, no
enrolment, no clock.

Rules: `read` gives a statement only if corporate's key of purpose `catalogues` signed it; whether it is about the files
at hand is `differs`'s to say. The core's own catalogue is no part of it, since the installation brings that one itself.
Reading the manifest, and remembering the highest number, are left to others.
"""

import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.errors import SignatureRefused

FORMAT: Final = "diffgram-release/1"
MAX_FILE_BYTES = 262_144
_Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_MEMBERS = frozenset({"manifest", "release", "root"})


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What corporate says of one release: SHA-256 of its index and of each catalogue file of the product, ascending.

    `number` rises with every statement that this corporate signs; `at` is when, UTC to the second.
    """

    at: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z\Z")]
    catalogues: Annotated[tuple[_Hash, ...], msgspec.Meta(max_length=50)]
    format: Literal["diffgram-release/1"] = FORMAT
    index: _Hash
    number: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    release: Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


_decode = msgspec.json.Decoder(Statement, strict=True).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def sign(statement: Statement, key: Ed25519PrivateKey) -> str:
    """Return the statement signed by corporate's key of purpose `catalogues`. Raises SignatureRefused as `read`."""
    payload = _encode(statement)
    _parse(payload)
    return signed.sign(payload, key, signed.RELEASE)


def file(stated: Mapping[str, Any], token: str) -> bytes:
    """Return the file of a release: the statement, and the manifest of keys (`root`, `manifest`) that names its key."""
    whole = {"manifest": stated["manifest"], "release": token, "root": stated["root"]}
    return json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n"


def token_of(data: bytes) -> str:
    """Return the signed statement in the bytes of a file; nothing is verified. Raises SignatureRefused."""
    try:
        whole = json.loads(data) if len(data) <= MAX_FILE_BYTES else None
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or whole.keys() != _MEMBERS or not isinstance(whole["release"], str):
        raise _malformed("this is no file of a release statement")
    return str(whole["release"])


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Statement:
    """Return the statement, signed by one of `keys`. Raises SignatureRefused: also `release-malformed`."""
    return _parse(signed.verify(token, keys, signed.RELEASE))


def differs(statement: Statement, index: str, catalogues: Collection[str]) -> str | None:
    """Say in words what of the files at hand (SHA-256 each) is not what the statement is about; None if all is."""
    if index != statement.index:
        return f"the index of '{statement.release}' has the SHA-256 {statement.index}"
    if sorted(catalogues) != list(statement.catalogues):
        stated = ", ".join(statement.catalogues) or "none"
        return f"the catalogue files of '{statement.release}' have the SHA-256 {stated}"
    return None


def _parse(payload: bytes) -> Statement:
    try:
        found = _decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise _malformed("the release statement has wrong members") from None
    if _encode(found) != payload or list(found.catalogues) != sorted(set(found.catalogues)):
        raise _malformed("the release statement is not in canonical form")
    return found


def _malformed(message: str) -> SignatureRefused:
    return SignatureRefused("release-malformed", message, "ask corporate for it: diffgram-corporate release signature")
