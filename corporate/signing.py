"""Signs releases: a statement over a product's index and catalogue files, for installations to check offline.

What a statement says is `audit.release`'s. Rules: numbers rise by one and are never given twice; the same files are
signed once more only when another release was signed since, or when the manifest no longer names the key that did it,
so that going back to an earlier release is a new number that somebody here asked for. The documents are kept.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import release, signed
from audit.errors import SignatureRefused
from audit.release import Statement
from corporate import keys, manifest
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import ReleaseSignature
from corporate.settings import Settings

_SHORTEST = 8
"""Characters of a hash that may stand for an index."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One signed release; `file` is what an installation gets."""

    number: int
    release: str
    index: str
    key: str
    file: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """The key for catalogues and indexes, and the manifest in force, which names it."""

    key: Ed25519PrivateKey
    stated: Mapping[str, Any]

    @property
    def named(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys of this purpose that the manifest names, by thumbprint."""
        jwks = [one["jwk"] for one in self.stated["claims"]["keys"] if one["purpose"] == keys.CATALOGUES]
        return signed.ring(*map(signed.from_jwk, jwks))


def signer(settings: Settings) -> Signer | None:
    """What signs releases; None where this server has no key for it, or its manifest names none yet."""
    key = keys.load(settings.keys).signing.get(keys.CATALOGUES)
    found = None if key is None else Signer(key, manifest.load(settings.folder))
    return found if found and signed.thumbprint(found.key.public_key()) in found.named else None


def sign(store: Store, by: Signer, name: str, index: str, catalogues: Collection[str], now: datetime) -> Signed:
    """Sign the release `name`: SHA-256 of its index, which is stored, and of each catalogue file. It is kept."""
    with store.writing(EVERYBODY) as session:
        store.alone(session, ReleaseSignature)
        newest = session.scalar(select(ReleaseSignature).order_by(ReleaseSignature.number.desc()).limit(1))
        if newest is not None and _is_of(newest.document, by, index, catalogues):
            return _signed(newest, by)
        return _signed(_add(session, by, name, index, catalogues, now), by)


def find(store: Store, by: Signer, wanted: str, now: datetime) -> Signed:
    """The newest signature of the release with this name, or with an index whose hash begins so.

    Signed again, with a new number, where its key serves no more. Raises OperatorError when nothing was signed.
    """
    one = ReleaseSignature.release == wanted
    if len(wanted) >= _SHORTEST and set(wanted) <= set("0123456789abcdef"):
        one = ReleaseSignature.index_hash.startswith(wanted)
    with store.reading(EVERYBODY) as session:
        rows = session.scalars(select(ReleaseSignature).where(one).order_by(ReleaseSignature.number.desc())).all()
    if len({row.index_hash for row in rows}) > 1:
        raise OperatorError("release-several", f"several indexes are called {wanted!r}", "name one by its hash")
    if not rows:
        hint = "add it with its files, which signs it: diffgram-corporate release add --catalogue FILE --index FILE"
        raise OperatorError("release-unsigned", f"no release {wanted!r} was signed here", hint)
    row = rows[0]
    if _stated(row.document, by) is not None:
        return _signed(row, by)
    return sign(store, by, row.release, row.index_hash, row.catalogues.split(), now)


def _add(
    session: Session, by: Signer, name: str, index: str, catalogues: Collection[str], now: datetime
) -> ReleaseSignature:
    last = session.scalar(select(ReleaseSignature.number).order_by(ReleaseSignature.number.desc()).limit(1)) or 0
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    files = tuple(sorted(set(catalogues)))
    statement = Statement(at=at, catalogues=files, index=index, number=last + 1, release=name)
    row = ReleaseSignature(number=last + 1, release=name, index_hash=index, catalogues=" ".join(files), at=now)
    row.document = release.sign(statement, by.key)
    session.add(row)
    return row


def _is_of(document: str, by: Signer, index: str, catalogues: Collection[str]) -> bool:
    stated = _stated(document, by)
    return stated is not None and release.differs(stated, index, set(catalogues)) is None


def _stated(document: str, by: Signer) -> Statement | None:
    """What a document says, if a key that serves signed it."""
    try:
        return release.read(document, by.named)
    except SignatureRefused:
        return None


def _signed(row: ReleaseSignature, by: Signer) -> Signed:
    key = signed.signer(row.document, signed.RELEASE)
    return Signed(row.number, row.release, row.index_hash, key, release.file(by.stated, row.document))
