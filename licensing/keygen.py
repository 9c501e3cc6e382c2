"""Reads licence and machine files of Keygen (keygen.sh), so that a vendor may go on issuing there (issue 6).

A file is armoured base64 of JSON with `enc`, `sig` and `alg`. The signature is over `license/` or `machine/` and
`enc`, so that neither passes for the other. `read` verifies first, then decrypts, then parses: nothing that is not the
issuer's is ever decrypted. Only Ed25519 is taken; RSA and ECDSA files of Keygen are refused by name. Rules:

  - The armour is taken off as a prefix and a suffix, and base64 is strict but for its line breaks.
  - An encrypted file needs the licence's key, a machine file the machine's fingerprint besides.
  - The file's own expiry (`meta.expiry`) is apart from the licence's; both are handed out.

Keygen has no sequence, no grace and no key identifiers; what it lacks is stated by whoever loads its files (`Issuer`).
Of two files of one licence the later counts.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licensing._claims import spelt
from licensing.entitlements import Flag
from licensing.errors import LicenceRefused
from licensing.licence import Licence, checked

LICENCE, MACHINE = "license", "machine"
MAX_CHARACTERS: Final = 1_000_000
_CIPHERS: Final = ("base64", "aes-256-gcm")
_TAG_BYTES: Final = 16
_NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class File:
    """A verified file: `kind` (`license` or `machine`), its document (JSON:API), when it was made and when it ends."""

    kind: str
    document: Mapping[str, Any]
    issued_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Issuer:
    """An account at Keygen, and what its documents do not say: stated once, for a product, in the vendor's build.

    `key` is the account's; `licence_key` decrypts files that are encrypted.
    """

    key: Ed25519PublicKey
    licence_key: str | None
    authority: str
    product: str
    environment: Literal["production", "test"]
    installations: tuple[str, ...] = ()
    grace: timedelta = timedelta(days=30)
    warn_days: tuple[int, ...] = (30, 14, 7, 1)


def read(text: str, key: Ed25519PublicKey, licence_key: str | None = None, fingerprint: str | None = None) -> File:
    """Return what a file says, verified by the account's `key` and decrypted.

    `licence_key` and `fingerprint` are needed where the file is encrypted. Raises LicenceRefused: SIGNATURE_INVALID,
    FORMAT_UNSUPPORTED for another algorithm, FINGERPRINT_SCOPE_MISMATCH where it cannot be decrypted, or MALFORMED.
    """
    kind, outer = _opened(text)
    encoded, signature, algorithm = (outer.get(name) for name in ("enc", "sig", "alg"))
    if not (isinstance(encoded, str) and isinstance(signature, str) and isinstance(algorithm, str)):
        raise _malformed("it lacks enc, sig or alg")
    cipher, _, scheme = algorithm.partition("+")
    if scheme != "ed25519" or cipher not in _CIPHERS:
        raise LicenceRefused("FORMAT_UNSUPPORTED", "the file is not signed with Ed25519: ask for alg 'ed25519'")
    try:
        key.verify(_bytes(signature), f"{kind}/{encoded}".encode())
    except InvalidSignature:
        raise LicenceRefused("SIGNATURE_INVALID", "the signature does not fit the file") from None
    plain = _bytes(encoded) if cipher == "base64" else _decrypted(encoded, _secret(kind, licence_key, fingerprint))
    return _file(kind, _json(plain))


def licence_of(text: str, issuer: Issuer) -> Licence:
    """Return what a licence file grants as a licence of ours. Raises LicenceRefused, as `read`; SUSPENDED too.

    The codes of entitlements that came along become flags. Without an expiry it never ends.
    """
    file = read(text, issuer.key, issuer.licence_key)
    data = _part(file.document, "data")
    if file.kind != LICENCE or data.get("type") != "licenses":
        raise _malformed("it holds no licence")
    attributes = _part(data, "attributes")
    if attributes.get("suspended") is not False:
        raise LicenceRefused("SUSPENDED", "the issuer has suspended the licence")
    begins = _instant(attributes.get("created")) or file.issued_at
    ends = _instant(attributes.get("expiry")) or _NEVER - issuer.grace
    return checked(
        Licence(
            account=_identifier(_related(data, "account")),
            authority=issuer.authority,
            customer=str(attributes.get("name") or "licensee")[:120],
            entitlements={name: Flag(value=True, limited=False) for name in _codes(file.document)},
            environment=issuer.environment,
            exp=spelt(ends + issuer.grace),
            file_expires=spelt(file.expires_at) if file.expires_at else None,
            freshness=None,
            installations=list(issuer.installations),
            installations_most=max(1, len(issuer.installations)),
            issued_at=spelt(file.issued_at),
            licence=_identifier(data.get("id")),
            license_expires=spelt(ends),
            nbf=spelt(begins),
            plan="keygen",
            product=issuer.product,
            sequence=max(1, int(file.issued_at.timestamp())),
            support="none",
            thresholds={},
            warn_days=list(issuer.warn_days),
        )
    )


def _identifier(theirs: Any) -> str:
    """An identifier of ours for one of theirs, always the same."""
    if not isinstance(theirs, str) or not theirs:
        raise _malformed("a part of its document is missing")
    return hashlib.sha256(theirs.encode()).hexdigest()[:32]


def _opened(text: str) -> tuple[str, dict[str, Any]]:
    """Take the armour off."""
    if len(text) > MAX_CHARACTERS:
        raise _malformed("it is longer than any file of Keygen's")
    inner = text.strip()
    for kind in (LICENCE, MACHINE):
        begin, end = f"-----BEGIN {kind.upper()} FILE-----", f"-----END {kind.upper()} FILE-----"
        if inner.startswith(begin) and inner.endswith(end):
            lines = inner.removeprefix(begin).removesuffix(end)
            return kind, _json(_bytes("".join(lines.split())))
    raise _malformed("it does not begin and end as a licence or machine file")


def _secret(kind: str, licence_key: str | None, fingerprint: str | None) -> bytes:
    if licence_key is None or (kind == MACHINE and fingerprint is None):
        raise _undecrypted("the file is encrypted: hand in the licence's key, and for a machine its fingerprint")
    return hashlib.sha256((licence_key + ((fingerprint or "") if kind == MACHINE else "")).encode()).digest()


def _decrypted(encoded: str, secret: bytes) -> bytes:
    parts = [_bytes(part) for part in encoded.split(".")]
    if len(parts) != 3 or not 8 <= len(parts[1]) <= 128 or len(parts[2]) != _TAG_BYTES:
        raise _malformed("what is encrypted does not have three parts")
    try:
        return AESGCM(secret).decrypt(parts[1], parts[0] + parts[2], None)
    except InvalidTag:
        raise _undecrypted("it was made for another licence key or machine") from None


def _file(kind: str, document: dict[str, Any]) -> File:
    meta = _part(document, "meta")
    issued_at = _instant(meta.get("issued"))
    if issued_at is None:
        raise _malformed("it does not say when it was made")
    return File(kind, document, issued_at, _instant(meta.get("expiry")))


def _codes(document: Mapping[str, Any]) -> list[str]:
    """The codes of the entitlements that were included, as names of ours."""
    included = document.get("included")
    rows = [row for row in included if isinstance(row, dict)] if isinstance(included, list) else []
    found = [_part(row, "attributes").get("code") for row in rows if row.get("type") == "entitlements"]
    return [code.lower().replace("_", "-") for code in found if isinstance(code, str)]


def _related(data: Mapping[str, Any], name: str) -> Any:
    return _part(_part(_part(data, "relationships"), name), "data").get("id")


def _part(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    if not isinstance(part, dict):
        raise _malformed("a part of its document is missing")
    return part


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _malformed("a time of it cannot be read") from None
    if at.tzinfo is None:
        raise _malformed("a time of it has no zone")
    return at.astimezone(UTC)


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise _malformed("it is not JSON") from None
    if not isinstance(value, dict):
        raise _malformed("it is not a JSON object")
    return value


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed("it is not base64") from None


def _malformed(why: str) -> LicenceRefused:
    return LicenceRefused("MALFORMED", f"this is no file of Keygen's: {why}")


def _undecrypted(why: str) -> LicenceRefused:
    return LicenceRefused("FINGERPRINT_SCOPE_MISMATCH", why)
