"""The published list of catalogues as it is kept here: taken as it grows, refused when it is not the one it was.

How a list is hashed and signed is `audit.published`'s. Its checkpoint rides on receipts; entries are fetched only when
it says that there are more. Rules:

- Every entry that was ever taken stays, with the sources whose hash it names, so that an older list, or another one,
  is noticed at once. What is refused changes nothing; the signed note that proves it becomes a leaf of the ledger.
- A release whose catalogue would let more leave than this one's is told once. It changes nothing by itself: what it
  adds is withheld until somebody here approves it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import catalogue, difference, published, record
from audit.difference import Change
from audit.errors import CatalogueFaults, SignatureRefused
from audit.published import Comparison, Entry
from diffgram_home import counting, facts, ledger, mailing, views
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import Listed

Keys = Callable[[bool], Mapping[str, Ed25519PublicKey]]
"""Gives corporate's keys of this purpose; asked with True, from a manifest that was just fetched again."""
Fetch = Callable[[int], Sequence[Mapping[str, Any]]]
"""Gives entries (`leaf`, `sources`) from a position on, none beyond the end. Raises HomeError."""

REFUSED, CHANGES = "published-list-refused", "release-changes"
MOST_PAGES = 200
_FACT = "published"
_log = logging.getLogger(__name__)


class ListingError(HomeError):
    """Entries of the published list cannot be had now."""


def hear(home: Home, note: Any, keys: Keys, fetch: Fetch, now: datetime) -> bool:
    """Take the checkpoint `note` that rode on an answer, whatever it is; True if the list grew. Raises StoreError."""
    with home.store.read() as session:
        if (facts.get(session, _FACT) or {}).get("sha256") == _digest(note):
            return False
        known = leaves(session)
    try:
        stated = _read(home, note, keys)
        fresh = _fetched(fetch, len(known), stated.size)
        published.grown(known, [leaf for leaf, _ in fresh], stated)
        changed = _changes(home, [_loaded(leaf, sources) for leaf, sources in fresh])
    except SignatureRefused as error:
        _refuse(home, note, error, now)
        return False
    except HomeError:
        return False  # not fetched now; the next answer brings the checkpoint again
    with home.store.write() as session:
        if session.scalar(select(func.count()).select_from(Listed)) == len(known):
            _keep(session, len(known), fresh, note, stated, now)
            for entry, changes in changed:
                _tell(home, session, entry, changes, now)
    return bool(fresh)


def carried(tail: bytes | None, first: int) -> Sequence[Mapping[str, Any]]:
    """The entries from position `first` on, of those that came in a file of answers: a Fetch without a network.

    Raises ListingError where the file does not reach back so far, or brought none: a later file may.
    """
    try:
        told = {} if tail is None else msgspec.json.decode(tail, type=dict)
    except msgspec.MsgspecError:
        told = {}
    begin, entries = told.get("first"), told.get("entries")
    if type(begin) is not int or not isinstance(entries, list) or not begin <= first < begin + len(entries):
        raise ListingError("list-not-here", f"the file has no entry {first} of the list", "carry out and in again")
    return entries[first - begin :]


def leaves(session: Session) -> list[bytes]:
    """The exact bytes of every entry that is known here, in order."""
    return list(session.scalars(select(Listed.leaf).order_by(Listed.position)))


def compare(home: Home, note: str, keys: Mapping[str, Ed25519PublicKey]) -> Comparison:
    """Compare the list that was shown here with the checkpoint that another customer was shown.

    Raises SignatureRefused for a note that corporate's key did not sign.
    """
    with home.store.read() as session:
        known = leaves(session)
    return published.compare(known, published.read(note, home.settings.corporate.root, keys))


def checkpoint(home: Home) -> str | None:
    """The newest signed checkpoint of the list that was shown here, to compare with another customer's."""
    with home.store.read() as session:
        note: str | None = (facts.get(session, _FACT) or {}).get("note")
    return note


def releases(home: Home) -> tuple[views.Release, ...]:
    """Every published catalogue that is known here, newest first, beside the one that is installed."""
    with home.store.read() as session:
        wanted = select(Listed.position, Listed.catalogue, Listed.leaf).order_by(Listed.position)
        rows = [(position, named, published.parse(leaf)) for position, named, leaf in session.execute(wanted)]
        beside = _beside(home, session, {named for _, named, _ in rows})
    installed = next((position for position, named, _ in rows if named == home.catalogue.hash), -1)
    return tuple(_release(entry, position, installed, beside[named]) for position, named, entry in reversed(rows))


def installed(session: Session, digest: str, now: datetime) -> None:
    """A catalogue is installed now: what was told before about it, or about an earlier one, is over."""
    position = session.scalar(select(func.max(Listed.position)).where(Listed.catalogue == digest))
    reached = select(Listed.catalogue).where(Listed.position <= (-1 if position is None else position))
    for named in {digest, *session.scalars(reached)}:
        counting.end_notice(session, now, CHANGES, named)


def _beside(home: Home, session: Session, wanted: set[str]) -> Mapping[str, tuple[Change, ...] | None]:
    """Catalogue → what it changes beside the installed one, None for another product's; each is parsed once."""
    known: dict[str, tuple[Change, ...] | None] = home.cache.setdefault("beside", {})
    for named in sorted(wanted - known.keys()):
        stated = _catalogue(session.scalars(select(Listed.sources).where(Listed.catalogue == named).limit(1)).one())
        ours = _namespaces(stated) == _namespaces(home.catalogue)
        known[named] = difference.difference(home.catalogue, stated) if ours else None
    return known


def _release(entry: Entry, position: int, installed: int, changes: tuple[Change, ...] | None) -> views.Release:
    state = "other" if changes is None else "newer" if position > installed else "older"
    state = "installed" if position == installed else state
    shown = (changes or ()) if state == "newer" else ()
    return views.Release(position, entry.release, entry.catalogue, datetime.fromisoformat(entry.at), state, shown)


def _read(home: Home, note: Any, keys: Keys) -> published.Checkpoint:
    if not isinstance(note, str):
        raise SignatureRefused("note-malformed", "a checkpoint that is not text", "ask corporate")
    root = home.settings.corporate.root
    try:
        return published.read(note, root, keys(False))
    except SignatureRefused as error:
        if error.code != "key-unknown":
            raise
    return published.read(note, root, keys(True))


def _fetched(fetch: Fetch, first: int, size: int) -> list[tuple[bytes, str]]:
    found: list[tuple[bytes, str]] = []
    for _ in range(MOST_PAGES):
        if first + len(found) >= size:
            break
        page = [_entry(one) for one in fetch(first + len(found))]
        if not page:
            break
        found += page
    return found[: max(0, size - first)]


def _entry(said: Mapping[str, Any]) -> tuple[bytes, str]:
    leaf, sources = said.get("leaf"), said.get("sources")
    if not isinstance(leaf, str) or not isinstance(sources, list) or not all(map(_is_source, sources)):
        raise SignatureRefused("list-malformed", "an entry of the list has no leaf and sources", "ask corporate")
    return leaf.encode(), json.dumps(sources)


def _is_source(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(text, str) for text in one)


def _loaded(leaf: bytes, sources: str) -> tuple[Entry, catalogue.Catalogue]:
    entry = published.parse(leaf)
    try:
        found = _catalogue(sources)
    except CatalogueFaults as error:
        raise SignatureRefused("list-malformed", "an entry's sources are no catalogue", "ask corporate") from error
    if found.hash != entry.catalogue:
        raise SignatureRefused("list-malformed", "an entry's sources are not what its hash names", "ask corporate")
    return entry, found


def _catalogue(sources: str) -> catalogue.Catalogue:
    return catalogue.load(*(catalogue.Source(name, text) for name, text in json.loads(sources)))


def _namespaces(stated: catalogue.Catalogue) -> frozenset[str]:
    """Whose names stand in it: the catalogue of another product is no newer release of this one."""
    return frozenset(name.partition("/")[0] for name in stated.kinds)


def _keep(
    session: Session,
    known: int,
    fresh: Sequence[tuple[bytes, str]],
    note: str,
    stated: published.Checkpoint,
    now: datetime,
) -> None:
    for position, (leaf, sources) in enumerate(fresh, start=known):
        named = published.parse(leaf).catalogue
        session.add(Listed(position=position, catalogue=named, leaf=leaf, sources=sources, at=now))
    facts.put(session, _FACT, {"sha256": _digest(note), "note": note})
    _record(session, now, "taken", note=note, root=stated.root.hex(), size=stated.size)
    counting.end_notice(session, now, REFUSED)


def _record(
    session: Session,
    now: datetime,
    step: Literal["taken", "refused"],
    *,
    code: str | None = None,
    note: str | None = None,
    root: str | None = None,
    size: int | None = None,
) -> None:
    at = record.instant(now)
    entry = record.Published(actor="corporate", at=at, code=code, note=note, root=root, size=size, step=step)
    ledger.append(session, entry)


def _refuse(home: Home, note: Any, error: SignatureRefused, now: datetime) -> None:
    """Tell it, and keep the note in the ledger, once: signed, it is the proof."""
    text = f"corporate's published list was refused: {error}"
    _log.warning("%s (%s)", text, error.code)
    with home.store.write() as session:
        subject = _digest(note)[:16]
        if counting.notice(session, now, REFUSED, subject, f"{text} ({error.code})", error.hint):
            kept = note if isinstance(note, str) and error.code.startswith("list-") else None
            _record(session, now, "refused", code=error.code, note=kept)


def _changes(home: Home, named: Sequence[tuple[Entry, catalogue.Catalogue]]) -> list[tuple[Entry, list[Change]]]:
    """The releases of this product that change what may leave, with how."""
    found = []
    for entry, stated in named:
        if _namespaces(stated) == _namespaces(home.catalogue):
            changes = [change for change in difference.difference(home.catalogue, stated) if change.material]
            found += [(entry, changes)] if changes else []
    return found


def _tell(home: Home, session: Session, entry: Entry, changes: Sequence[Change], now: datetime) -> None:
    names = ", ".join(change.name for change in changes[:5]) + (", …" if len(changes) > 5 else "")
    text = f"release '{entry.release}' changes what may leave, compared with yours: {names}"
    hint = "see Releases, or 'diffgram-home releases'; nothing changes before it is installed here and approved"
    _log.warning("%s", text)
    counting.notice(session, now, CHANGES, entry.catalogue, text, hint)
    mailing.published(home, session, entry, changes, now)


def _digest(note: Any) -> str:
    return hashlib.sha256(repr(note).encode()).hexdigest()
