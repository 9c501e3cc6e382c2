"""Corporate's private keys, one purpose each.

    root.pem          Ed25519  signs only the manifest; not needed while serving and may be kept elsewhere
    receipts.pem      Ed25519  signs receipts
    deletions.pem     Ed25519  signs statements of what was deleted
    instructions.pem  Ed25519  signs instructions to installations, which only ever narrow
    catalogues.pem    Ed25519  signs the list of published catalogues
    support.pem       Ed25519  signs requests of support
    certificates.pem  P-256    the certificate authority for installations and for our own TLS listener
    certificates.crt           its certificate
    pages.secret      random   binds the forms of the pages to a session

Leaves to others: what is signed. Rules: files are 0600 in a 0700 folder; a private key is never printed. A server of
an earlier release lacks some of them: `make_missing` makes them, and they serve once a manifest names them.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from corporate import certificates, files
from corporate.errors import OperatorError

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
RECEIPTS, DELETIONS, INSTRUCTIONS, CATALOGUES = "receipts", "deletions", "instructions", "catalogues"
SUPPORT = "support"
PURPOSES = (RECEIPTS, DELETIONS, INSTRUCTIONS, CATALOGUES, SUPPORT)
"""What the serving Ed25519 keys are for, one key each; the first is never missing."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority: its key and its own certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Keys:
    """What the serving processes need; `signing` by purpose. The root is not among them."""

    signing: Mapping[str, Ed25519PrivateKey]
    authority: Authority
    pages_secret: bytes

    @property
    def receipts(self) -> Ed25519PrivateKey:
        """The key for receipts, which every server has."""
        return self.signing[RECEIPTS]

    def of(self, purpose: str) -> Ed25519PrivateKey:
        """The key for `purpose`. Raises OperatorError where none serves yet."""
        found = self.signing.get(purpose)
        if found is None:
            raise OperatorError("keys", f"no key serves {purpose!r} yet", _SIGN)
        return found


_SIGN = "run diffgram-corporate manifest while root.pem is in the folder of keys"


def fingerprint(key: Ed25519PublicKey) -> str:
    """`sha256:` and the hex SHA-256 of the 32 raw public bytes: what an installation pins."""
    return "sha256:" + hashlib.sha256(key.public_bytes_raw()).hexdigest()


def make(folder: Path, name: str, now: datetime) -> None:
    """Make every key in `folder` (made 0700). Refuses a folder that already has a root."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if (folder / "root.pem").exists():
        raise OperatorError("keys", f"{str(folder)!r} already has keys", "use another folder, or keep these")
    authority = ec.generate_private_key(ec.SECP256R1())
    _write_key(folder / "certificates.pem", authority)
    made = certificates.make_authority(authority, name, now)
    files.write(folder / "certificates.crt", made.public_bytes(serialization.Encoding.PEM))
    make_missing(folder)
    files.write(folder / "pages.secret", secrets.token_bytes(32), 0o600)
    _write_key(folder / "root.pem", Ed25519PrivateKey.generate())


def make_missing(folder: Path) -> None:
    """Make the signing keys that `folder` lacks; those that are there stay."""
    for purpose in missing(folder):
        _write_key(folder / f"{purpose}.pem", Ed25519PrivateKey.generate())


def missing(folder: Path) -> list[str]:
    """Purposes without a key in `folder`."""
    return [purpose for purpose in PURPOSES if not (folder / f"{purpose}.pem").exists()]


def load(folder: Path) -> Keys:
    """The serving keys, as far as this server has them. Raises OperatorError when one is missing or unreadable."""
    lacking = set(missing(folder)) - {RECEIPTS}
    signing = {purpose: _read_key(folder / f"{purpose}.pem") for purpose in PURPOSES if purpose not in lacking}
    authority = _read_key(folder / "certificates.pem")
    ours = {purpose: key for purpose, key in signing.items() if isinstance(key, Ed25519PrivateKey)}
    if len(ours) < len(signing) or not isinstance(authority, ec.EllipticCurvePrivateKey):
        raise OperatorError("keys", f"a key in {str(folder)!r} is of the wrong type", "restore it from the backup")
    certificate = x509.load_pem_x509_certificate(_read(folder / "certificates.crt"))
    return Keys(ours, Authority(authority, certificate), _read(folder / "pages.secret"))


def has_root(folder: Path) -> bool:
    """Whether the root's private key is at hand."""
    return (folder / "root.pem").exists()


def load_root(folder: Path) -> Ed25519PrivateKey:
    """The root's private key, for the manifest only."""
    root = _read_key(folder / "root.pem")
    if not isinstance(root, Ed25519PrivateKey):
        raise OperatorError("keys", "root.pem is of the wrong type", "restore it from the backup")
    return root


def _write_key(path: Path, key: PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.write(path, pem, 0o600)


def _read_key(path: Path) -> object:
    return serialization.load_pem_private_key(_read(path), password=None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise OperatorError(
            "keys", f"{str(path)!r} cannot be read: {e.strerror}", "run diffgram-corporate init, or restore the backup"
        ) from e
