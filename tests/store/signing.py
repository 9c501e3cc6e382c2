"""A vendor who signs releases, for the tests of an installation: root, manifest, statements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import release, signed
from audit.release import Statement
from diffgram_home import manifest
from tests.formats.make_golden import authority


def key(word: str) -> Ed25519PrivateKey:
    """A key that anybody can make."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())


@dataclass(frozen=True, slots=True)
class Vendor:
    """Corporate as far as it signs: `word` names its keys."""

    word: str = "vendor"
    expires_at: str = "2028-11-01T00:00:00Z"

    @property
    def root(self) -> str:
        """The fingerprint that is handed over."""
        return manifest.fingerprint(key(f"root of {self.word}").public_key())

    @property
    def kid(self) -> str:
        """Which key signs releases."""
        return signed.thumbprint(key(f"catalogues of {self.word}").public_key())

    def manifest(self, *purposes: str) -> dict[str, Any]:
        """The signed manifest with keys for receipts and what is named."""
        root = key(f"root of {self.word}")
        jwks = [{"purpose": p, "jwk": signed.to_jwk(key(f"{p} of {self.word}").public_key())} for p in purposes]
        claims = {"corporate": self.word, "version": 3, "issued_at": "2026-11-01T00:00:00Z"} | {
            "expires_at": self.expires_at,
            "keys": [*jwks, {"purpose": "certificates", "certificate": authority()}],
        }
        payload = json.dumps(claims, sort_keys=True, separators=(",", ":")).encode()
        return {"root": signed.to_jwk(root.public_key()), "manifest": signed.sign(payload, root, signed.MANIFEST)}

    def signs(self, index: str, catalogues: Collection[str], number: int = 1, **how: Any) -> bytes:
        """The file of a release; `by` is who signs it really, `names` the purposes of the manifest."""
        names = how.get("names", ("receipts", "catalogues"))
        stated = Statement(
            at="2026-11-21T14:01:05Z",
            catalogues=tuple(sorted(catalogues)),
            index=index,
            number=number,
            release="shop 1.0.0",
        )
        by = how.get("by", key(f"catalogues of {self.word}"))
        return release.file(self.manifest(*names), release.sign(stated, by))
