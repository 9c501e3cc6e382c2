"""The manifest: which key serves which purpose, signed by the root and by nothing else.

Leaves to others: pinning the root (the installation). Rules: one purpose for each key; the version rises with every
manifest, so that an old one can be told from a new one; serving needs the file only, never the root's private key.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from audit import signed
from corporate import files, keys
from corporate.errors import OperatorError

DAYS = 800
FILE = "manifest.json"


def make(folder: Path, name: str, now: datetime) -> dict[str, Any]:
    """Sign a new manifest with the root in `folder`/keys and write it to `folder`/manifest.json.

    Keys that this release needs and the folder lacks are made first.
    """
    keys.make_missing(folder / "keys")
    serving = keys.load(folder / "keys")
    root = keys.load_root(folder / "keys")
    certificate = serving.authority.certificate.public_bytes(serialization.Encoding.PEM).decode()
    claims = {
        "corporate": name,
        "version": _version(folder) + 1,
        "issued_at": _text(now),
        "expires_at": _text(now + timedelta(days=DAYS)),
        "keys": [
            *({"purpose": one, "jwk": signed.to_jwk(key.public_key())} for one, key in serving.signing.items()),
            {"purpose": "certificates", "certificate": certificate},
        ],
    }
    payload = json.dumps(claims, sort_keys=True, separators=(",", ":")).encode()
    made = {
        "root": signed.to_jwk(root.public_key()),
        "manifest": signed.sign(payload, root, signed.MANIFEST),
        "claims": claims,
    }
    files.write(folder / FILE, json.dumps(made, indent=1).encode())
    return made


def complete(folder: Path, name: str, now: datetime) -> bool:
    """After an upgrade: name every purpose that this release knows, in a manifest of a higher version.

    Returns whether the manifest in force names them all; where the root is kept elsewhere, an administrator signs one.
    """
    if not unnamed(folder):
        return True
    if not keys.has_root(folder / "keys"):
        return False
    make(folder, name, now)
    return True


def unnamed(folder: Path) -> list[str]:
    """Purposes of this release that the manifest in force does not name. Raises OperatorError."""
    named = {key["purpose"] for key in load(folder)["claims"]["keys"]}
    return [purpose for purpose in keys.PURPOSES if purpose not in named]


def load(folder: Path) -> dict[str, Any]:
    """The manifest as it is served (`root`, `manifest`) and its `claims`."""
    try:
        return dict(json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError) as e:
        raise OperatorError(
            "manifest", f"{str(folder / FILE)!r} cannot be read", "run diffgram-corporate manifest"
        ) from e


def changed_ns(folder: Path) -> int:
    """When the manifest's file was changed last, in nanoseconds since 1970. Raises OSError."""
    return (folder / FILE).stat().st_mtime_ns


def root_fingerprint(folder: Path) -> str:
    """The fingerprint that an administrator of an installation pins."""
    return keys.fingerprint(signed.from_jwk(load(folder)["root"]))


def _version(folder: Path) -> int:
    if not (folder / FILE).exists():
        return 0
    return int(load(folder)["claims"]["version"])


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
