"""Catalogues by their hash: what was sealed by an earlier one is explained in that one's words, not in today's.

Every catalogue of which an installation takes notice (`upgrading`) is kept, as the files it was read from; what the
database cannot give, corporate's published list may (`listing`). A catalogue is used only if it has the hash that was
asked for: what a batch quotes cannot be explained by another one. Loading executes nothing of the earlier release.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import catalogue, gate
from audit.catalogue import Catalogue
from audit.errors import CatalogueFaults, Refused
from diffgram_home import rules
from diffgram_home.home import Home
from diffgram_home.models import KeptCatalogue, Listed

_MOST = 8


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue that explains some bytes, and the `hash` of the one that they quote, empty where they quote none.

    `past` says that it is the one they quote, and not today's.
    """

    catalogue: Catalogue
    hash: str
    past: bool


def keep(session: Session, stated: Catalogue, now: datetime) -> None:
    """Keep the files of a catalogue, once. Inside a write transaction."""
    if stated.sources and session.get(KeptCatalogue, stated.hash) is None:
        session.add(KeptCatalogue(hash=stated.hash, kept_at=now, sources=_text(stated)))


def kept(session: Session, digest: str) -> bool:
    """Whether the catalogue with this hash is kept here."""
    return session.get(KeptCatalogue, digest) is not None


def of(home: Home, body: bytes) -> Words:
    """The catalogue that a batch quotes; today's where that one is not kept here."""
    try:
        digest = gate.header_of(body, rules.CODEC)[1]
    except Refused:
        return Words(home.catalogue, "", False)
    found = find(home, digest)
    past = found is not None and digest != home.catalogue.hash
    return Words(found or home.catalogue, digest, past)


def find(home: Home, digest: str) -> Catalogue | None:
    """The catalogue with this hash, if it is known here."""
    if digest == home.catalogue.hash:
        return home.catalogue
    loaded: dict[str, Catalogue] = home.cache.setdefault("catalogues", {})
    if digest not in loaded:
        found = _load(home, digest)
        if found is None:
            return None
        if len(loaded) >= _MOST:
            loaded.clear()
        loaded[digest] = found
    return loaded[digest]


def _load(home: Home, digest: str) -> Catalogue | None:
    with home.store.read() as session:
        texts = [
            *session.scalars(select(KeptCatalogue.sources).where(KeptCatalogue.hash == digest)),
            *session.scalars(select(Listed.sources).where(Listed.catalogue == digest)),
        ]
    for text in texts:
        try:
            found = catalogue.load(*(catalogue.Source(name, words) for name, words in json.loads(text)))
        except (CatalogueFaults, ValueError, TypeError):
            continue  # of a release with another form, or damaged: it is not used
        if found.hash == digest:
            return found
    return None


def _text(stated: Catalogue) -> str:
    return json.dumps([[source.name, source.text] for source in stated.sources], ensure_ascii=False)
