"""Corporate's manifest: which keys sign for which purpose, and which authority; signed by the pinned root.

`check` and `read` are pure: bytes in, a value or an error out; the others keep manifests beside the keys. Fetching is
the door's. The one in force is `manifest.json`, the answer as it came, checked against the pinned root again at each
reading; earlier ones stay as `manifest-VERSION.json`, so that receipts of a key that was replaced can be verified.

Rules: the answer carries the root's public key, and it counts only if its SHA-256 is the fingerprint in the settings;
a manifest past its date is refused; a key has one purpose; unknown purposes are passed over, since later versions add
some. A manifest without receipts or certificates is none; other purposes may be absent, since corporate may be older.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import signed
from audit.errors import SignatureRefused
from diffgram_home import files
from diffgram_home.home import Home

RECEIPTS, DELETIONS, INSTRUCTIONS, CATALOGUES = "receipts", "deletions", "instructions", "catalogues"
PURPOSES = (RECEIPTS, DELETIONS, INSTRUCTIONS, CATALOGUES)
"""What corporate's Ed25519 keys may be for; the certificate authority stands beside them."""
CERTIFICATES = "certificates"
_NONE: Mapping[str, Ed25519PublicKey] = {}
_TIME = "%Y-%m-%dT%H:%M:%SZ"


FILE = "manifest.json"
_EARLIER = "manifest-*.json"


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


def stored(home: Home, now: datetime) -> Manifest:
    """The manifest in force, checked against the pinned root. Raises SignatureRefused; `manifest-missing` if none."""
    path = home.keys.folder / FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "run 'diffgram-home enrol'"
        raise SignatureRefused("manifest-missing", f"there is no manifest in '{path}'", hint) from error
    return check(data, home.settings.corporate.root, now)


def version_here(home: Home) -> int:
    """The version to stay at or above, also when its date is over; 0 without one.

    A file that is damaged, or signed by a root that is not pinned any more, must not block its successor.
    """
    return max((found.version for found in _readable(home)), default=0)


def keep(home: Home, data: bytes, fresh: Manifest) -> None:
    """Put corporate's answer `data`, found to be `fresh`, in force."""
    folder = home.keys.folder
    files.write(folder / f"manifest-{fresh.version}.json", data)
    files.write(folder / FILE, data)


def keys_ever(home: Home, purpose: str) -> Mapping[str, Ed25519PublicKey] | None:
    """Every key that ever served `purpose` by a manifest kept here, by thumbprint; None if there is none."""
    found = {kid: key for one in _readable(home) for kid, key in one.of(purpose).items()}
    return found or None


def kept(home: Home) -> tuple[Path, ...]:
    """The file of every manifest that was ever in force here, the present one included, each as it came."""
    return tuple(sorted(home.keys.folder.glob(_EARLIER)))


def receipt_keys(answers: Iterable[bytes], root: str) -> Mapping[str, Ed25519PublicKey]:
    """The keys for receipts that manifests name, for those without an installation. Raises SignatureRefused."""
    return {kid: key for answer in answers for kid, key in read(answer, root).of(RECEIPTS).items()}


def _readable(home: Home) -> Iterator[Manifest]:
    folder = home.keys.folder
    for path in (folder / FILE, *sorted(folder.glob(_EARLIER))):
        with contextlib.suppress(OSError, SignatureRefused):
            yield read(path.read_bytes(), home.settings.corporate.root)


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
