"""One opened installation: settings, database, keys, catalogue and index, bound together for every other module.

`open_home` checks everything that can be checked at the start and opens no socket but the database's. What a `Home`
holds does not change while it lives; modes and consent do, and are read anew by `rules.current`.
"""

from __future__ import annotations

import grp
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from typing import Any

from audit import catalogue as catalogues
from audit import index as indexes
from audit.catalogue import Catalogue
from audit.errors import CatalogueFaults, IndexFault
from audit.index import Index
from audit.modes import KIND_MODES, MODES
from diffgram_home import facts, keys, signatures
from diffgram_home.errors import SettingsFault, SettingsFaults, StoreError
from diffgram_home.keys import Keys
from diffgram_home.settings import Pinned, Settings
from diffgram_home.signatures import Signature
from diffgram_home.store import Store, migrate, open_store
from support_routes import ROUTES, check_routes, reporting
from support_routes.errors import RouteFaults
from support_routes.reporting import Reporter


@dataclass(frozen=True, slots=True, repr=False)
class Home:
    """An opened installation; share it between threads. `installation` is its random token (32 hex digits).

    `signature` is corporate's over index and catalogue files, None where the settings name none.
    """

    settings: Settings
    store: Store
    keys: Keys
    catalogue: Catalogue
    index: Index
    installation: str
    signature: Signature | None = None
    reporters: tuple[Reporter, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def origin(self) -> str:
        """The name of this ledger in its checkpoints."""
        return f"diffgram-home/{self.installation}"

    def close(self) -> None:
        """Give the database's connections back."""
        self.store.close()


def make_home(settings: Settings, *, installation: str | None = None) -> None:
    """Make what is missing of folders, keys and database; what exists stays. Raises StoreError.

    `installation` is the identifier of a new one; without it one is made.
    """
    keys.make(settings.folder / "keys")
    make_spool(settings)
    store = open_store(settings.database_url)
    try:
        migrate(store)
        with store.write() as session:
            if facts.get(session, "installation") is None:
                facts.put(session, "installation", installation or secrets.token_hex(16))
    finally:
        store.close()


def make_spool(settings: Settings) -> None:
    """The spool folder, setgid 2770 and of the settings' group, so that products of other users can write into it."""
    folder = settings.spool.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings.spool.group and folder.group() != settings.spool.group:
            os.chown(folder, -1, grp.getgrnam(settings.spool.group).gr_gid)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o2770)
    except (OSError, KeyError) as error:
        hint = "let the user of the installation own it, or correct [spool] in the settings"
        raise StoreError("spool-unusable", f"cannot use the spool folder '{folder}': {error}", hint) from error


def open_home(settings: Settings) -> Home:
    """The installation that `settings` describe; raises SettingsFaults or StoreError, with everything that is wrong."""
    catalogue, index = read_product(settings)
    signature = signatures.read(settings)
    reporters = read_reporters(settings, catalogue)
    opened = keys.read(settings.folder / "keys")
    if not settings.spool.folder.is_dir():
        make_spool(settings)
    store = open_store(settings.database_url)
    migrate(store)
    with store.read() as session:
        installation = facts.get(session, "installation")
    if installation is None:
        store.close()
        hint = "run 'diffgram-home init'"
        raise StoreError("not-initialised", "the database belongs to no installation yet", hint)
    try:
        signatures.advance(store, settings, signature)
    except SettingsFaults:
        store.close()
        raise
    return Home(settings, store, opened, catalogue, index, str(installation), signature, reporters)


def route_faults(settings: Settings, catalogue: Catalogue) -> list[SettingsFault]:
    """What is wrong with the named support routes: an answer that is not declared, a resource that is forbidden."""
    try:
        check_routes(ROUTES, catalogue, settings.kept_from_support)
    except RouteFaults as error:
        return [SettingsFault(one.code, "product.catalogue", one.message, one.hint) for one in error.faults]
    return []


def read_product(settings: Settings) -> tuple[Catalogue, Index]:
    """Catalogue and index as the settings pin them; raises SettingsFaults with every file, hash and kind at fault."""
    faults: list[SettingsFault] = []
    sources = [_pinned_bytes(pinned, "product.catalogue", faults) for pinned in settings.product.catalogue]
    index_bytes = _pinned_bytes(settings.product.index, "product.index", faults) if settings.product.index else b""
    catalogue = None
    try:
        texts = [
            catalogues.Source(str(pinned.file), data.decode("utf-8", "replace"))
            for pinned, data in zip(settings.product.catalogue, sources, strict=True)
        ]
        catalogue = catalogues.load(catalogues.core(), *texts)
        faults += (
            kind_faults(settings, catalogue) + field_faults(settings, catalogue) + route_faults(settings, catalogue)
        )
    except CatalogueFaults as error:
        faults += [
            SettingsFault(f.code, "product.catalogue", f"{f.file}:{f.line}: {f.message}", f.hint) for f in error.faults
        ]
    index = _index(index_bytes, faults) if index_bytes else indexes.EMPTY
    if faults or catalogue is None:
        raise SettingsFaults(str(settings.path), tuple(faults))
    return catalogue, index


def read_reporters(settings: Settings, catalogue: Catalogue) -> tuple[Reporter, ...]:
    """The reporters as the settings pin their document; raises SettingsFaults with everything that is wrong."""
    if settings.reports is None:
        return ()
    faults: list[SettingsFault] = []
    data = _pinned_bytes(settings.reports.reporters, "reports.reporters", faults)
    found: tuple[Reporter, ...] = ()
    try:
        found = reporting.read(data, catalogue) if not faults else ()
    except RouteFaults as error:
        faults += [SettingsFault(one.code, "reports.reporters", one.message, one.hint) for one in error.faults]
    if faults:
        raise SettingsFaults(str(settings.path), tuple(faults))
    return found


def kind_faults(settings: Settings, catalogue: Catalogue) -> list[SettingsFault]:
    """What is wrong with the names and modes under [kinds], which only the catalogue can tell."""
    faults = []
    for name, mode in settings.kinds.items():
        kind = catalogue.kinds.get(name)
        if kind is None or kind.removed or kind.case not in MODES:
            hint = "'diffgram-home fields' lists the kinds; remove the line"
            faults.append(SettingsFault("kind-unknown", f"kinds.{name}", f"the catalogue has no kind '{name}'", hint))
        elif mode not in KIND_MODES:
            hint = "write 'off', 'local' or 'on'"
            faults.append(SettingsFault("setting-value", f"kinds.{name}", f"'{name}' cannot be '{mode}'", hint))
    return faults


def field_faults(settings: Settings, catalogue: Catalogue) -> list[SettingsFault]:
    """What is wrong with the names under [fields] and [transforms]: what changes nothing must not go unnoticed.

    A transform that a definition does not permit is no fault here, or a release could darken everything: the gate
    withholds the field (design 6).
    """
    return [
        SettingsFault(
            "field-unknown",
            f"{section}.{name}",
            f"the catalogue has no field '{name}'",
            "'diffgram-home fields' lists the fields; remove the line",
        )
        for section, names in (("fields", settings.fields), ("transforms", settings.transforms))
        for name in names
        if name not in catalogue.fields or catalogue.fields[name].case == catalogues.REQUEST
    ]


def _index(data: bytes, faults: list[SettingsFault]) -> Index:
    try:
        return indexes.parse(data)
    except IndexFault as error:
        hint = "install the product's release again"
        faults.append(SettingsFault("index-malformed", "product.index", f"the index cannot be read: {error}", hint))
        return indexes.EMPTY


def _pinned_bytes(pinned: Pinned, key: str, faults: list[SettingsFault]) -> bytes:
    try:
        data = pinned.file.read_bytes()
    except OSError as error:
        faults.append(
            SettingsFault("file-unreadable", key, f"cannot read '{pinned.file}': {error.strerror}", "correct it")
        )
        return b""
    found = hashlib.sha256(data).hexdigest()
    if found != pinned.sha256:
        hint = f'the file is not the one that was pinned; if its release is meant, write sha256 = "{found}"'
        faults.append(SettingsFault("file-differs", key, f"'{pinned.file}' has the SHA-256 {found}", hint))
    return data
