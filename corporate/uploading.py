"""Takes in what a release was built of: sources, bundles and their source maps, stored by hash, for its index.

Leaves to others: the index itself (releases), reading maps (source_maps), looking lines up (lines). Rules: files are
handed in, never fetched; a source is kept only when it is the one that the index was made of; everything is read and
checked before anything is written, in one transaction, so that a fault changes nothing; the same again changes nothing
either. What stands in no index (tests, tools, other people's code) is passed over and counted.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import zstandard
from sqlalchemy import delete, func, select

from audit.canonical import sha256_hex
from audit.index import Index, encode, parse
from corporate import lines, releases, source_maps, sources
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import MapPart, MapSource, ReleaseFile, StoredFile, StoredIndex
from corporate.source_maps import MIB

MOST_TOGETHER_BYTES = 512 * MIB
_HASH = re.compile("[0-9a-f]{8,64}")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gave: folders and wheels of sources, and each bundle with its map."""

    sources: tuple[Path, ...] = ()
    bundles: tuple[Path, ...] = ()
    maps: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of it: files that are new here, that were here, that stand in no index, and sizes before packing.

    `without` counts sources that a map names and nobody brought: their positions are known, their lines are not.
    """

    index: str
    release: str
    stored: int
    known: int
    skipped: int
    without: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """What was uploaded for one index: how many modules, and which bundles have their map."""

    modules: int
    bundles: tuple[str, ...]

    def __str__(self) -> str:
        """In words."""
        parts = ([f"{self.modules} modules"] if self.modules else []) + list(self.bundles)
        return f"lines of {', '.join(parts)}"


@dataclass(slots=True)
class _Taken:
    """What was read and checked, and is to be written: rows by key, files by hash (packed, with their size)."""

    named: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    files: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    maps: dict[str, tuple[list[tuple[str, str | None]], list[source_maps.Chunk]]] = field(default_factory=dict)
    skipped: int = 0
    size_bytes: int = 0

    def keep(self, data: bytes) -> str:
        """Take one file; returns its hash. Raises OperatorError when all of it together becomes too much."""
        sha256 = sha256_hex(data)
        if sha256 not in self.files:
            self.size_bytes += len(data)
            if self.size_bytes > MOST_TOGETHER_BYTES or len(self.files) >= sources.MOST_FILES:
                most = f"{sources.MOST_FILES} files of {MOST_TOGETHER_BYTES // MIB} MiB together"
                raise OperatorError("upload-large", f"more than {most} were given", "give the release's own sources")
            self.files[sha256] = len(data), _packed(data)
        return sha256


def upload(
    store: Store, release: str, given: Given, now: datetime, index_file: Path | None = None, tell: Tell = str
) -> Uploaded:
    """Store what was `given` for the release with this name, or with an index of this hash; its index may come along.

    Raises OperatorError, or audit.errors.IndexFault; then nothing of it was stored.
    """
    if len(given.bundles) != len(given.maps):
        hint = "give --bundle and --map once for each bundle, in the same order"
        raise OperatorError("upload-pairs", f"{len(given.bundles)} bundles, {len(given.maps)} maps", hint)
    index = _index(store, release) if index_file is None else _given_index(release, index_file)
    taken = _Taken()
    for path in given.sources:
        _take_sources(taken, index, path, tell)
    for bundle, its_map in zip(given.bundles, given.maps, strict=True):
        _take_map(taken, index, bundle, its_map, given.sources, tell)
    if not taken.named:
        hint = "give the folders that python -m event.index was given, or the wheel that was built of them"
        raise OperatorError("upload-empty", f"nothing that was given belongs to {index.release!r}", hint)
    stored = _write(store, index, taken, now)
    without = sum(sha256 is None for named, _ in taken.maps.values() for _, sha256 in named)
    known = len(taken.named) - stored
    return Uploaded(index.hash, index.release, stored, known, taken.skipped, without, taken.size_bytes)


def held(store: Store) -> dict[str, Held]:
    """What was uploaded, by the hash of the index that it belongs to."""
    counted = select(ReleaseFile.index_hash, func.count()).where(ReleaseFile.what == lines.SOURCE)
    named = select(ReleaseFile.index_hash, ReleaseFile.name).where(ReleaseFile.what == lines.MAP)
    bundles: dict[str, list[str]] = {}
    with store.reading(EVERYBODY) as session:
        modules = {index: int(count) for index, count in session.execute(counted.group_by(ReleaseFile.index_hash))}
        for index, name in session.execute(named.order_by(ReleaseFile.name)):
            bundles.setdefault(index, []).append(name)
    return {one: Held(modules.get(one, 0), tuple(bundles.get(one, ()))) for one in modules.keys() | bundles.keys()}


def _index(store: Store, release: str) -> Index:
    """The one index with this name or hash."""
    by_hash = StoredIndex.hash.startswith(release) if _HASH.fullmatch(release) else StoredIndex.release == release
    with store.reading(EVERYBODY) as session:
        rows = session.execute(select(StoredIndex.hash, StoredIndex.release).where(by_hash)).all()
    if not rows:
        hint = "give --index FILE, or store it first: diffgram-corporate release add --index FILE"
        raise OperatorError("release-unknown", f"there is no index of a release {release!r}", hint)
    if len(rows) > 1:
        hashes = ", ".join(row.hash[:12] for row in rows)
        raise OperatorError("release-unclear", f"several indexes are called {release!r}", f"name one: {hashes}")
    found = releases.find_index(store, rows[0].hash)
    if found is None:
        raise OperatorError("index-damaged", f"the stored index {rows[0].hash} is damaged", "add it again")
    return found


def _given_index(release: str, file: Path) -> Index:
    index = parse(sources.read(file, source_maps.MOST_BYTES))
    if release not in (index.release, index.hash):
        hint = "say what it calls itself"
        raise OperatorError("release-differs", f"{str(file)!r} is of {index.release!r}, not {release!r}", hint)
    return index


def _take_sources(taken: _Taken, index: Index, path: Path, tell: Tell) -> None:
    before, skipped = len(taken.named), taken.skipped
    for name, where, data in sources.python_files(path, index.modules):
        if data is None or name not in index.modules:
            taken.skipped += 1
            continue
        if (why := _unlike(index, name, data)) is not None:
            hint = "give the sources that were shipped; nothing was stored"
            raise OperatorError("source-differs", f"{where!r} is not {name} of {index.release!r}: {why}", hint)
        taken.named[lines.SOURCE, name] = taken.keep(data), len(data)
    tell(f"{path}: {len(taken.named) - before} of {len(index.modules)} modules, {taken.skipped - skipped} passed over")


def _unlike(index: Index, name: str, data: bytes) -> str | None:
    """By the hash that the index has of the module's source, and where it has none by where its functions stand."""
    stated = index.sources.get(name)
    if stated is not None:
        return None if stated.sha256 == sha256_hex(data) else f"its SHA-256 is not {stated.sha256}"
    return sources.fault(index.modules[name], data)


def _take_map(taken: _Taken, index: Index, bundle: Path, its_map: Path, roots: Sequence[Path], tell: Tell) -> None:
    text = sources.read(bundle, source_maps.MOST_BYTES)
    _require_bundle(index, bundle.name, text)
    data = sources.read(its_map, source_maps.MOST_BYTES)
    found = source_maps.read(data, text.decode("utf-8", "replace"))
    sha256 = sha256_hex(data)
    named = [(one.name, _content(taken, one, roots)) for one in found.sources]
    taken.maps[sha256] = named, list(source_maps.chunks(found))
    taken.named[lines.MAP, bundle.name] = sha256, len(data)
    taken.named[lines.BUNDLE, bundle.name] = sha256_hex(text), len(text)
    tell(f"{its_map}: {len(found)} positions in {len(named)} sources")


def _require_bundle(index: Index, name: str, text: bytes) -> None:
    """The bundle has to be the one that the index speaks of, as far as the index says anything of it."""
    if not index.bundles:
        return
    stated = index.bundles.get(name)
    if stated is None:
        named = ", ".join(sorted(index.bundles)[:10])
        raise OperatorError("bundle-unknown", f"{index.release!r} has no bundle {name!r}", f"it has {named}")
    rows = source_maps.lines_of_text(text.decode("utf-8", "replace").removesuffix("\n"))
    if len(rows) > stated.lines or max(map(len, rows)) > stated.longest:
        hint = "give the bundle that was shipped; nothing was stored"
        raise OperatorError("source-differs", f"{name!r} is not the bundle of {index.release!r}", hint)


def _content(taken: _Taken, source: source_maps.Source, roots: Iterable[Path]) -> str | None:
    """The hash of a source's text: the map's own, or that of a file of this name under a folder that was given."""
    if source.content is not None:
        return taken.keep(source.content.encode("utf-8", "replace"))
    for root in roots:
        if (file := _under(root, source.name)) is not None:
            return taken.keep(sources.read(file, sources.MOST_BYTES))
    return None


def _under(root: Path, name: str) -> Path | None:
    """The file of this name under a folder, wherever links lead; None when there is none, or it is not under it."""
    try:
        file = (root / name).resolve()
        return file if root.is_dir() and file.is_relative_to(root.resolve()) and file.is_file() else None
    except (OSError, ValueError):  # names that no file can have
        return None


def _write(store: Store, index: Index, taken: _Taken, now: datetime) -> int:
    """Everything in one transaction; returns how many names got something new."""
    new = 0
    with store.writing(EVERYBODY) as session:
        row = {"hash": index.hash, "release": index.release, "data": encode(index), "added_at": now}
        session.execute(store.insert(StoredIndex).values(row).on_conflict_do_nothing())
        for sha256, (size, packed) in taken.files.items():
            row = {"sha256": sha256, "size_bytes": size, "zstd": packed}
            session.execute(store.insert(StoredFile).values(row).on_conflict_do_nothing())
        for sha256, (named, parts) in taken.maps.items():
            session.execute(delete(MapSource).where(MapSource.map_sha256 == sha256))
            session.execute(delete(MapPart).where(MapPart.map_sha256 == sha256))
            for number, (name, content) in enumerate(named):
                session.add(MapSource(map_sha256=sha256, number=number, name=name, sha256=content))
            for part in parts:
                packed = _packed(part.data)
                session.add(MapPart(map_sha256=sha256, line=part.line, column=part.column, zstd=packed))
        for (what, name), (sha256, size) in taken.named.items():
            row = session.get(ReleaseFile, (index.hash, what, name))
            if row is None:
                row = ReleaseFile(index_hash=index.hash, what=what, name=name, sha256="", size_bytes=0, added_at=now)
                session.add(row)
            if row.sha256 != sha256:
                row.sha256, row.size_bytes, row.added_at = sha256, size, now
                new += 1
    return new


def _packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=9).compress(data)
