"""The published list of catalogues, which everybody is shown alike: append, sign, serve.

What an entry is and how the list is hashed is `audit.published`'s. Rules: whatever batches may name stands in the list,
in the order in which it was added; entries are only ever appended; the checkpoint of the whole list rides on the answer
to every batch, so that nobody has to ask whether something changed.
"""

import itertools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import published
from audit.canonical import canonical
from audit.published import Entry
from corporate.database import EVERYBODY, Store
from corporate.models import Published, StoredCatalogue

PAGE = 10
PAGE_CHARACTERS = 400_000
"""Entries in one answer, and their sources together unless there is only one: installations bound what they read."""
TAIL_CHARACTERS = 2_000_000
"""Of all entries in one file of answers that is carried by hand."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The note that `key` signed over the list of `size` entries."""

    size: int
    key: Ed25519PrivateKey
    note: str


def publish(store: Store, now: datetime, releases: dict[str, str] | None = None) -> int:
    """Append every stored catalogue that the list lacks; `releases` names some by their hash. Returns how many."""
    named = releases or {}
    with store.writing(EVERYBODY) as session:
        store.alone(session, Published)
        there = select(Published.catalogue)
        lacking = select(StoredCatalogue.hash, StoredCatalogue.label).where(StoredCatalogue.hash.not_in(there))
        rows = session.execute(lacking.order_by(StoredCatalogue.added_at, StoredCatalogue.hash)).all()
        size = _size(session)
        for position, (digest, label) in enumerate(rows, start=size):
            entry = Entry(at=now.strftime("%Y-%m-%dT%H:%M:%SZ"), catalogue=digest, release=named.get(digest, label))
            session.add(Published(position=position, catalogue=digest, leaf=published.leaf(entry)))
    return len(rows)


def checkpoint(store: Store, root: str, key: Ed25519PrivateKey, before: Signed | None) -> Signed:
    """The checkpoint of the list as it is now, signed anew if anything changed since `before`; `root`: fingerprint."""
    with store.reading(EVERYBODY) as session:
        size = _size(session)
        if before is not None and (size, key) == (before.size, before.key):
            return before
        leaves = session.scalars(select(Published.leaf).order_by(Published.position)).all()
    return Signed(len(leaves), key, published.sign(leaves, root, key))


def page(store: Store, first: int) -> list[dict[str, Any]]:
    """Up to PAGE entries from position `first`: each its exact leaf, and the sources that its hash commits to."""
    wanted = select(Published.leaf, StoredCatalogue.sources).join(
        StoredCatalogue, StoredCatalogue.hash == Published.catalogue
    )
    with store.reading(EVERYBODY) as session:
        rows = session.execute(wanted.where(Published.position >= first).order_by(Published.position).limit(PAGE)).all()
    sizes = itertools.accumulate(len(sources) for _, sources in rows)
    kept = 1 + sum(size <= PAGE_CHARACTERS for size in list(sizes)[1:])
    return [{"leaf": leaf.decode(), "sources": json.loads(sources)} for leaf, sources in rows[:kept]]


def tail(store: Store) -> bytes:
    """The newest entries, for a file of answers: JSON with `entries`, as `page` gives them, and the first's position.

    As many as fit into TAIL_CHARACTERS: whoever lacks more hears of the others with a later file.
    """
    with store.reading(EVERYBODY) as session:
        first = _size(session)
    entries: list[dict[str, Any]] = []
    room = TAIL_CHARACTERS
    while first > 0:
        (entry, *_) = page(store, first - 1)
        room -= len(json.dumps(entry))
        if room < 0:
            break
        entries.insert(0, entry)
        first -= 1
    return canonical({"entries": entries, "first": first})


def _size(session: Session) -> int:
    return session.scalar(select(func.coalesce(func.max(Published.position) + 1, 0))) or 0
