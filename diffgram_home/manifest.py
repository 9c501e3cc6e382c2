"""Corporate's manifest: which keys sign for which purpose, and which authority; signed by the pinned root.

`check` and `read` are pure (`_manifest`); the others keep manifests beside the keys. Fetching is the door's. The one in
force is `manifest.json`, the answer as it came, checked against the pinned root again at each reading; earlier ones
stay as `manifest-VERSION.json`, so that receipts of a key that was replaced can be verified.

Rules: the answer carries the root's public key, and it counts only if its SHA-256 is the fingerprint in the settings;
a manifest past its date is refused; a key has one purpose; unknown purposes are passed over, since later versions add
some. A manifest without receipts or certificates is none; other purposes may be absent, since corporate may be older.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.errors import SignatureRefused
from diffgram_home import files
from diffgram_home._manifest import (
    CATALOGUES,
    CERTIFICATES,
    DELETIONS,
    INSTRUCTIONS,
    PURPOSES,
    RECEIPTS,
    SUPPORT,
    Manifest,
    check,
    fingerprint,
    read,
)
from diffgram_home.home import Home

__all__ = [
    "CATALOGUES",
    "CERTIFICATES",
    "DELETIONS",
    "FILE",
    "INSTRUCTIONS",
    "PURPOSES",
    "RECEIPTS",
    "SUPPORT",
    "Manifest",
    "check",
    "fingerprint",
    "keep",
    "kept",
    "keys_ever",
    "read",
    "receipt_keys",
    "stored",
    "version_here",
]

FILE = "manifest.json"
_EARLIER = "manifest-*.json"


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
