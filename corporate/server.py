"""Everything one process of corporate needs, opened once: settings, database, keys, manifest, rules.

Leaves to others: what is done with it. Rules: opening connects to nothing and writes nothing (the processes fork
afterwards); keys and manifest are read together, again whenever the manifest's file changes, so that signing a new one
needs no restart and a receipt is never signed by a key that the manifest served beside it does not name; catalogues
and indexes are looked up by hash and kept, since a hash never changes its meaning.
"""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from audit import signed
from audit.catalogue import Catalogue
from audit.gate import Codec
from audit.index import Index
from corporate import keys, manifest, publishing, releases
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.keys import Keys
from corporate.models import Kind
from corporate.settings import Settings

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()
CODEC = Codec(_ENCODER.encode, _DECODER.decode, _ENCODER.encode_lines, _DECODER.decode_lines)
_KEPT = 64
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Signing:
    """Keys, manifest and root's fingerprint as they were when the manifest's file changed last (ns since 1970)."""

    changed_ns: int
    keys: Keys
    manifest: dict[str, Any]
    root: str


@dataclass(frozen=True, slots=True)
class Corporate:
    """One opened server. The dictionaries only ever gain what is in the database; `_list` holds the newest note.

    `bell` is the eventfd that tells what follows ingest that something was stored (issues.process).
    """

    settings: Settings
    store: Store
    _signing: list[_Signing]
    bell: int | None = None
    _list: list[publishing.Signed] = field(default_factory=list)
    _catalogues: dict[str, Catalogue] = field(default_factory=dict)
    _indexes: dict[str, Index] = field(default_factory=dict)
    _kinds: dict[str, int] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        """The serving keys that belong to the manifest."""
        return self._current().keys

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as its file is now."""
        return self._current().manifest

    def list_checkpoint(self) -> str | None:
        """The signed checkpoint of the published list; None while no key of that purpose serves."""
        current = self._current()
        key = current.keys.signing.get(keys.CATALOGUES)
        if key is None:
            return None
        self._list[:] = [publishing.checkpoint(self.store, current.root, key, next(iter(self._list), None))]
        return self._list[0].note

    def _current(self) -> _Signing:
        """Read again what has changed; what cannot be read leaves everything as it was, and `check` says so."""
        with suppress(OSError, OperatorError):
            if manifest.changed_ns(self.settings.folder) != self._signing[0].changed_ns:
                self._signing[0] = _read(self.settings)
        return self._signing[0]

    def ring(self) -> None:
        """Tell what follows ingest that there is something to read."""
        if self.bell is not None:
            with suppress(BlockingIOError):
                os.eventfd_write(self.bell, 1)

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
        _signing=[_read(settings)],
    )


def _read(settings: Settings) -> _Signing:
    """Raises OperatorError. The time is taken first: what is written meanwhile is read again."""
    try:
        changed_ns = manifest.changed_ns(settings.folder)
    except OSError:
        changed_ns = 0  # `load` says what is wrong with the file
    stated = manifest.load(settings.folder)
    root = keys.fingerprint(signed.from_jwk(stated["root"]))
    return _Signing(changed_ns, _named(keys.load(settings.keys), stated), stated, root)


def _named(found: Keys, stated: Mapping[str, Any]) -> Keys:
    """Without keys of purposes that the manifest does not name: what they sign could not be checked by anybody."""
    purposes = {key["purpose"] for key in stated["claims"]["keys"]}
    return replace(found, signing={one: key for one, key in found.signing.items() if one in purposes})


def prepare(server: Corporate, now: datetime) -> None:
    """Before serving: what this release itself knows (core catalogue, empty index) is stored; the role is checked."""
    server.store.require_a_plain_role()
    releases.add_own(server.store, now)
    publishing.publish(server.store, now)
    server.store.close()


def _kept(kept: dict[str, Any], wanted: str, load: Any) -> Any:
    found = kept.get(wanted)
    if found is None and _HASH.fullmatch(wanted):  # PostgreSQL cannot even be asked for a text with NUL
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
