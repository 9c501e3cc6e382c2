"""Everything one process of corporate needs, opened once: settings, database, keys, manifest, rules.

Leaves to others: what is done with it. Rules: opening connects to nothing and writes nothing (the processes fork
afterwards); catalogues and indexes are looked up by hash and kept, since a hash never changes its meaning.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from audit.catalogue import Catalogue
from audit.gate import Codec
from audit.index import Index
from corporate import keys, manifest, releases
from corporate.database import EVERYBODY, Store
from corporate.models import Kind
from corporate.settings import Settings

CODEC = Codec(msgspec.json.encode, msgspec.json.decode)
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Corporate:
    """One opened server. The dictionaries only ever gain what is in the database already."""

    settings: Settings
    store: Store
    keys: keys.Keys
    manifest: dict[str, Any]
    _catalogues: dict[str, Catalogue] = field(default_factory=dict)
    _indexes: dict[str, Index] = field(default_factory=dict)
    _kinds: dict[str, int] = field(default_factory=dict)

    def catalogue(self, wanted: str) -> Catalogue | None:
        """The catalogue with this hash, or None."""
        return _kept(self._catalogues, wanted, lambda: releases.find_catalogue(self.store, wanted))

    def index(self, wanted: str) -> Index | None:
        """The index with this hash, or None."""
        return _kept(self._indexes, wanted, lambda: releases.find_index(self.store, wanted))

    def kinds(self, names: Iterable[str]) -> dict[str, int]:
        """Numbers for the kinds `names`. New ones are committed at once, on their own: what is kept here must last."""
        wanted = set(names)
        missing = wanted - self._kinds.keys()
        if missing:
            self._kinds.update(_number(self.store, missing))
        return {name: self._kinds[name] for name in wanted}


def open_corporate(settings: Settings) -> Corporate:
    """Read keys and manifest. Raises OperatorError when one is missing."""
    return Corporate(
        settings=settings,
        store=Store(settings.database_url),
        keys=keys.load(settings.keys),
        manifest=manifest.load(settings.folder),
    )


def prepare(server: Corporate, now: datetime) -> None:
    """Before serving: what this release itself knows (core catalogue, empty index) is stored; the role is checked."""
    server.store.require_a_plain_role()
    releases.add_own(server.store, now)
    server.store.close()


def _kept(kept: dict[str, Any], wanted: str, load: Any) -> Any:
    found = kept.get(wanted)
    if found is None:
        found = load()
        if found is not None:
            if len(kept) >= _KEPT:
                kept.pop(next(iter(kept)), None)
            kept[wanted] = found
    return found


def _number(store: Store, names: set[str]) -> dict[str, int]:
    with store.writing(EVERYBODY) as session:
        rows = [{"name": name} for name in sorted(names)]
        session.execute(store.insert(Kind).on_conflict_do_nothing(), rows)
        return {name: id_ for id_, name in session.execute(select(Kind.id, Kind.name).where(Kind.name.in_(names)))}
