"""What corporate's manifest says: which keys sign for which purpose, and which authority; signed by the pinned root.

Pure: bytes in, a value or an error out. Keeping manifests, and which is in force, is left to `manifest`, which also
states the rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import signed
from audit.errors import SignatureRefused

RECEIPTS, DELETIONS, INSTRUCTIONS, CATALOGUES = "receipts", "deletions", "instructions", "catalogues"
SUPPORT = "support"
PURPOSES = (RECEIPTS, DELETIONS, INSTRUCTIONS, CATALOGUES, SUPPORT)
"""What corporate's Ed25519 keys may be for; the certificate authority stands beside them."""
CERTIFICATES = "certificates"
_NONE: Mapping[str, Ed25519PublicKey] = {}
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Corporate's keys as its root states them.

    `keys` has the keys of each purpose of PURPOSES that it names, by thumbprint; `certificates` are authorities as PEM.
    """

    corporate: str
    version: int
    issued_at: datetime
    expires_at: datetime
    keys: Mapping[str, Mapping[str, Ed25519PublicKey]]
    certificates: tuple[str, ...]

    def of(self, purpose: str) -> Mapping[str, Ed25519PublicKey]:
        """The keys of one purpose by thumbprint; empty when corporate has none."""
        return self.keys.get(purpose, _NONE)


def fingerprint(root: Ed25519PublicKey) -> str:
    """`sha256:` and the SHA-256 of the root's 32 raw bytes: what is handed over out of band."""
    return "sha256:" + hashlib.sha256(root.public_bytes_raw()).hexdigest()


def check(data: bytes, root: str, now: datetime) -> Manifest:
    """The manifest in corporate's answer `data`, if the root with fingerprint `root` signed it and it is current.

    Raises SignatureRefused: `manifest-expired`, or what `read` raises.
    """
    result = read(data, root)
    if result.expires_at <= now:
        raise SignatureRefused(
            "manifest-expired",
            f"corporate's manifest ended at {result.expires_at.strftime(_TIME)}",
            "look at this machine's clock; otherwise corporate has to issue a new one",
        )
    return result


def read(data: bytes, root: str) -> Manifest:
    """The manifest in `data`, current or not, to compare versions with. `check` is for everything else.

    Raises SignatureRefused: `manifest-malformed`, `root-differs`, or what `signed.verify` says.
    """
    outer = _json(data)
    jwk, token = outer.get("root"), outer.get("manifest")
    if not isinstance(jwk, dict) or not isinstance(token, str):
        raise _malformed("the answer has no 'root' and 'manifest'")
    key = signed.from_jwk(jwk)
    if fingerprint(key) != root:
        raise SignatureRefused(
            "root-differs",
            "this is not the root whose fingerprint is in the settings",
            "do not go on; compare [corporate] root with the fingerprint that corporate handed over",
        )
    return _claimed(_json(signed.verify(token, signed.ring(key), signed.MANIFEST)))


def _claimed(claims: Mapping[str, Any]) -> Manifest:
    try:
        return Manifest(
            corporate=_text(claims["corporate"]),
            version=_whole(claims["version"]),
            issued_at=_time(claims["issued_at"]),
            expires_at=_time(claims["expires_at"]),
            keys=_rings(claims),
            certificates=tuple(_authority(k["certificate"]) for k in _keys(claims, CERTIFICATES)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed("the manifest's claims are not of the form that this release reads") from error


def _rings(claims: Mapping[str, Any]) -> dict[str, Mapping[str, Ed25519PublicKey]]:
    rings = {
        purpose: signed.ring(*(signed.from_jwk(key["jwk"]) for key in _keys(claims, purpose)))
        for purpose in PURPOSES
        if purpose == RECEIPTS or any(key["purpose"] == purpose for key in claims["keys"])
    }
    if len(set().union(*rings.values())) < sum(map(len, rings.values())):
        raise ValueError("a key has two purposes")
    return rings


def _keys(claims: Mapping[str, Any], purpose: str) -> list[Mapping[str, Any]]:
    found = [key for key in claims["keys"] if key["purpose"] == purpose]
    if not found:
        raise ValueError(f"no key for {purpose}")
    return found


def _authority(pem: str) -> str:
    """`pem` if it is one certificate of an authority; anything around it is dropped."""
    certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    if not constraints.ca:
        raise ValueError("not an authority")
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not JSON") from error
    if not isinstance(value, dict):
        raise _malformed("it is not a JSON object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 100:
        raise ValueError("not a name")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("not a number from 1")
    return value


def _time(value: Any) -> datetime:
    return datetime.strptime(value, _TIME).replace(tzinfo=UTC)


def _malformed(why: str) -> SignatureRefused:
    hint = "is [corporate] url the wire address, and nothing else listening there? ask corporate"
    return SignatureRefused("manifest-malformed", f"this is no manifest: {why}", hint)
