"""Signed documents: compact JWS (RFC 7515) with Ed25519 (RFC 8037, named "Ed25519" by RFC 9864), and nothing else.

`verify` is the one way in: signature, algorithm, type and key are checked together or nothing is returned. What the
payload says (dates, sequence, for whom) is left to the module of that document.

Rules:
  - The header has exactly `alg`, `kid` and `typ`; a detached one (RFC 7797) also `b64: false` and `crit: ["b64"]`.
    Anything else, `jwk` and `x5c` included, is refused: a token never brings its own key.
  - `alg` is "Ed25519". "EdDSA" (RFC 8037) is deprecated by RFC 9864, since it names no curve, and is refused.
  - `kid` is the RFC 7638 thumbprint of the key; `typ` differs for each purpose, so no document passes for another.
  - One document has one spelling: base64url without padding and without stray bits, no duplicate header keys.
  - Keys of small order are refused: under them one signature fits every text.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.canonical import canonical
from audit.errors import SignatureRefused

BATCH = "diffgram-batch+jws"
RECEIPT = "diffgram-receipt+jws"
REQUEST = "diffgram-request+jws"
DELETION = "diffgram-deletion+jws"
MANIFEST = "diffgram-manifest+jws"
CARRIED_OUT = "diffgram-carried-out+jws"
CARRIED_IN = "diffgram-carried-in+jws"
INSTRUCTIONS = "diffgram-instructions+jws"
INCIDENT = "diffgram-incident+jws"
SUPPORT_REQUEST = "diffgram-support-request+jws"
SUPPORT_GRANT = "diffgram-support-grant+jws"
SUPPORT_ENDING = "diffgram-support-ending+jws"
RELEASE = "diffgram-release+jws"
LICENCE = "diffgram-licence+jws"
WITHDRAWALS = "diffgram-withdrawals+jws"
USAGE = "diffgram-usage+jws"

MAX_TOKEN_CHARACTERS = 65_536
"""Longer tokens are refused unread; a batch is signed detached and stays outside this limit."""

_ALGORITHM = "Ed25519"
_HEADER = frozenset({"alg", "kid", "typ"})
_DETACHED_HEADER = _HEADER | {"b64", "crit"}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_SIGNATURE_BYTES = 64
_MAX_HEADER_CHARACTERS = 1024

# The y coordinates of the points whose order divides 8, and their other spellings (y + p); the sign bit is masked.
_SMALL_ORDER = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


def sign(payload: bytes, key: Ed25519PrivateKey, typ: str, *, detached: bool = False) -> str:
    """Return `payload` signed as a compact JWS of type `typ`.

    With `detached` the payload is signed as it is and left out of the token (RFC 7797): `header..signature`.
    """
    header: dict[str, Any] = {"alg": _ALGORITHM, "kid": thumbprint(key.public_key()), "typ": typ}
    if detached:
        header |= {"b64": False, "crit": ["b64"]}
    head = _encode(canonical(header))
    body = "" if detached else _encode(payload)
    signature = key.sign(_signing_input(head, payload if detached else body.encode("ascii")))
    return f"{head}.{body}.{_encode(signature)}"


def verify(token: str, keys: Mapping[str, Ed25519PublicKey], typ: str, *, payload: bytes | None = None) -> bytes:
    """Return the payload of `token` after signature, key, algorithm, type and spelling have all been checked.

    `keys` holds the acceptable keys by thumbprint (see `ring`). A detached token needs its `payload`, and only a
    detached one takes it. Raises SignatureRefused, whose code says which check failed.
    """
    head, body, signature = _parts(token)
    key = _key(_kid(head, typ, payload is not None), keys)
    if payload is not None and body:
        raise _refused("payload-not-detached", "the token of a detached signature carries a payload")
    result = _decode(body, "payload") if payload is None else payload
    signed = body.encode("ascii") if payload is None else payload
    raw = _decode(signature, "signature")
    if len(raw) != _SIGNATURE_BYTES:
        raise _refused("token-malformed", "an Ed25519 signature has 64 bytes")
    try:
        key.verify(raw, _signing_input(head, signed))
    except InvalidSignature:
        raise _refused("signature-wrong", "the signature does not fit the content") from None
    return result


def signer(token: str, typ: str) -> str:
    """Return the key that a token of this type names, by thumbprint; nothing is verified. Raises SignatureRefused."""
    return _kid(_parts(token)[0], typ, False)


def ring(*keys: Ed25519PublicKey) -> Mapping[str, Ed25519PublicKey]:
    """Return `keys` by their thumbprints, as `verify` wants them."""
    return {thumbprint(key): key for key in keys}


def thumbprint(key: Ed25519PublicKey) -> str:
    """Return the RFC 7638 SHA-256 thumbprint of `key`, base64url."""
    return _thumbprint(key.public_bytes_raw())


@lru_cache(maxsize=256)
def _thumbprint(raw: bytes) -> str:
    return _encode(hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": _encode(raw)})).digest())


def to_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return the public JWK of `key` (RFC 8037 section 2): `crv`, `kty` and `x`, the members a thumbprint covers."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _encode(key.public_bytes_raw())}


def from_jwk(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    """Return the key of a public JWK. Raises SignatureRefused for any other key, a private one included."""
    if set(jwk) != {"crv", "kty", "x"} or jwk["kty"] != "OKP" or jwk["crv"] != "Ed25519":
        raise _refused("key-malformed", "the key is not a public Ed25519 JWK of crv, kty and x")
    raw = _decode(jwk["x"], "key") if isinstance(jwk["x"], str) else b""
    if len(raw) != 32:
        raise _refused("key-malformed", "an Ed25519 key has 32 bytes")
    key = Ed25519PublicKey.from_public_bytes(raw)
    _check_order(key)
    return key


def _parts(token: str) -> tuple[str, str, str]:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise _refused("token-too-long", f"a token has at most {MAX_TOKEN_CHARACTERS} characters")
    parts = token.split(".")
    if len(parts) != 3 or not parts[0] or not parts[2]:
        raise _refused("token-malformed", "a compact token has three parts")
    return parts[0], parts[1], parts[2]


@lru_cache(maxsize=256)
def _kid(head: str, typ: str, detached: bool) -> str:
    """Return the key that an acceptable header names; a sender's header is the same in all its documents."""
    if len(head) > _MAX_HEADER_CHARACTERS:
        raise _refused("header-malformed", f"a header has at most {_MAX_HEADER_CHARACTERS} characters")
    try:
        header = json.loads(_decode(head, "header"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):
        raise _refused("header-malformed", "the header is not one JSON object without duplicate keys") from None
    if not isinstance(header, dict):
        raise _refused("header-malformed", "the header is not a JSON object")
    if header.get("alg") != _ALGORITHM:
        raise _refused("algorithm-refused", f"the algorithm is not {_ALGORITHM!r}")
    if header.get("typ") != typ:
        raise _refused("type-refused", f"the type is not {typ!r}")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise _refused("key-missing", "the header names no key")
    if set(header) != (_DETACHED_HEADER if detached else _HEADER):
        raise _refused("header-refused", "the header has other members than this use of it demands")
    # `0 == False` in Python: the identity is checked, not the value.
    if detached and (header["b64"] is not False or header["crit"] != ["b64"]):
        raise _refused("header-refused", 'a detached token has "b64": false and "crit": ["b64"]')
    return kid


def _key(kid: str, keys: Mapping[str, Ed25519PublicKey]) -> Ed25519PublicKey:
    key = keys.get(kid)
    if key is None or _thumbprint(key.public_bytes_raw()) != kid:
        raise _refused("key-unknown", "the token names a key that is not acceptable here")
    _check_order(key)
    return key


def _check_order(key: Ed25519PublicKey) -> None:
    raw = key.public_bytes_raw()
    if raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
        raise _refused("key-weak", "the key has a small order: one signature would fit every text")


def _signing_input(head: str, payload: bytes) -> bytes:
    return head.encode("ascii") + b"." + payload


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str, what: str) -> bytes:
    """Return the bytes of `text`; only the one canonical spelling passes (RFC 7515 section 2, RFC 4648 3.5)."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _BASE64URL.match(text) else None
    except binascii.Error:
        data = None
    if data is None or _encode(data) != text:
        raise _refused("token-malformed", f"the {what} is not canonical base64url")
    return data


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "do not use the content; ask the sender to sign it again")
