"""Catalogues and indexes that batches may name, stored by their hash.

Leaves to others: making them (the vendor's build). Rules: what is stored is the text itself and is hashed again when
it is read, so that a damaged row is "unknown", never another meaning.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from audit import catalogue, index
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import StoredCatalogue, StoredIndex


@dataclass(frozen=True, slots=True)
class Added:
    """Hashes of what `add` stored, and what the release calls itself."""

    catalogue: str
    index: str
    release: str


def add_own(store: Store, now: datetime) -> None:
    """Store what this release knows by itself: the core catalogue without a product, and the empty index."""
    _store_catalogue(store, [catalogue.core()], "core of this release", now)
    _store_index(store, index.encode(index.EMPTY), now)


def add(store: Store, catalogues: Sequence[Path], index_file: Path | None, core: Path | None, now: datetime) -> Added:
    """Store a product's catalogue files (with the core before them) and its index.

    Raises audit.errors.CatalogueFaults, audit.errors.IndexFault, or OperatorError for an unreadable file.
    """
    first = catalogue.core() if core is None else _source(core)
    label = ", ".join(path.name for path in catalogues) or "core only"
    made = _store_catalogue(store, [first, *map(_source, catalogues)], label, now)
    data = index.encode(index.EMPTY) if index_file is None else _read(index_file)
    named = label if index_file is None else index.parse(data).release
    return Added(made, _store_index(store, data, now), named)


def find_catalogue(store: Store, wanted: str) -> catalogue.Catalogue | None:
    """The stored catalogue whose hash is `wanted`, or None."""
    with store.reading(EVERYBODY) as session:
        row = session.get(StoredCatalogue, wanted)
    if row is None:
        return None
    found = catalogue.load(*(catalogue.Source(name, text) for name, text in json.loads(row.sources)))
    return found if found.hash == wanted else None


def find_index(store: Store, wanted: str) -> index.Index | None:
    """The stored index whose hash is `wanted`, or None."""
    with store.reading(EVERYBODY) as session:
        row = session.get(StoredIndex, wanted)
    if row is None:
        return None
    found = index.parse(row.data)
    return found if found.hash == wanted else None


def catalogues(store: Store) -> Iterator[catalogue.Catalogue]:
    """Every stored catalogue that is whole."""
    with store.reading(EVERYBODY) as session:
        hashes = list(session.execute(select(StoredCatalogue.hash)).scalars())
    for one in hashes:
        found = find_catalogue(store, one)
        if found is not None:
            yield found


@dataclass(frozen=True, slots=True)
class Stored:
    """One line of the list of releases; `what` is "catalogue" or "index"."""

    what: str
    label: str
    hash: str
    added_at: datetime


def every(store: Store) -> list[Stored]:
    """All stored catalogues and indexes, newest first."""
    with store.reading(EVERYBODY) as session:
        catalogues = session.execute(select(StoredCatalogue.label, StoredCatalogue.hash, StoredCatalogue.added_at))
        indexes = session.execute(select(StoredIndex.release, StoredIndex.hash, StoredIndex.added_at))
        rows = [Stored("catalogue", *row) for row in catalogues] + [Stored("index", *row) for row in indexes]
    return sorted(rows, key=lambda row: (row.added_at, row.what), reverse=True)


def _store_catalogue(store: Store, sources: Sequence[catalogue.Source], label: str, now: datetime) -> str:
    made = catalogue.load(*sources)
    texts = json.dumps([[source.name, source.text] for source in sources])
    row = {"hash": made.hash, "sources": texts, "label": label, "added_at": now}
    with store.writing(EVERYBODY) as session:
        session.execute(store.insert(StoredCatalogue).values(row).on_conflict_do_nothing())
    return made.hash


def _store_index(store: Store, data: bytes, now: datetime) -> str:
    made = index.check(data)
    row = {"hash": made.hash, "release": made.release, "data": data, "added_at": now}
    with store.writing(EVERYBODY) as session:
        session.execute(store.insert(StoredIndex).values(row).on_conflict_do_nothing())
    return made.hash


def _source(path: Path) -> catalogue.Source:
    return catalogue.Source(path.name, _read(path).decode("utf-8"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise OperatorError("file", f"{str(path)!r} cannot be read: {e.strerror}", "name a file that exists") from e
