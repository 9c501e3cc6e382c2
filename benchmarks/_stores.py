"""Everything that lies in some folders, however it is packed, and what of somebody stands in it.

Every file is read as it is, what zstd, gzip or zlib packed in it is unpacked; of every SQLite database each value of
each row is read as well, since a long value lies on several pages of the file, and unpacked; what is signed (JWS) is
decoded. `Wanted` is what is looked for: of everybody what is unmistakable, in every spelling; a spelling is known by
its first bytes, so that one walk through the data finds hundreds of thousands.
"""

import base64
import binascii
import os
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import zstandard

from benchmarks._people import LOCALES, TOWNS
from benchmarks._person import Person
from benchmarks._spelled import ENCODINGS, spellings

LONG, SHORT = 12, 6
_ZSTD, _GZIP, _SQLITE = b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"SQLite format 3\0"
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_SIGNED = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
_EMPTY = re.compile(rb"\0{9,}")
_MOST = 64 * 1024 * 1024


class Wanted:
    """What is looked for: the names of all locales from the start, somebody's numbers from `add` on."""

    def __init__(self) -> None:
        self._long: set[bytes] = set()
        self._names: dict[bytes, list[bytes]] = {}
        for locale, at in LOCALES.items():
            for name in f"{at.given} {at.family} {TOWNS[locale]}".split():
                self._add_name(name)

    def __len__(self) -> int:
        return len(self._long) + sum(map(len, self._names.values()))

    def add(self, who: Person) -> None:
        """Look for somebody's numbers, mail, address and token, by their beginnings."""
        for secret in (who.mail, who.phone, who.street, who.town, who.card, who.number, who.token):
            self._long.update(s[:LONG] for s in spellings(secret) if len(s) >= LONG and not _is_common(s, secret))

    def _add_name(self, name: str) -> None:
        for spelled in spellings(name):
            if len(spelled) >= SHORT and not (name.isascii() and len(spelled) < LONG):
                self._names.setdefault(spelled[:SHORT], []).append(spelled)

    def found_in(self, data: bytes) -> set[bytes]:
        """Return what of everybody stands in `data`."""
        lower, long, names = _EMPTY.sub(b"\0", data).lower(), self._long, self._names
        found = set()
        for at in range(len(lower) - SHORT + 1):
            if lower[at : at + LONG] in long:
                found.add(lower[at : at + LONG])
            if (head := lower[at : at + SHORT]) in names:
                found.update(name for name in names[head] if lower.startswith(name, at))
        return found


def _is_common(spelled: bytes, secret: str) -> bool:
    """Whether the first bytes could be of many: what begins a telephone number of a whole country."""
    return secret[:1] == "+" and len(set(spelled[:LONG])) < 4


def search(folders: Iterable[Path], wanted: Wanted) -> tuple[dict[str, set[bytes]], int]:
    """Return file, or table → what was found there, and how many bytes were looked through."""
    found: dict[str, set[bytes]] = {}
    size = 0
    for name, data in everything(folders):
        size += len(data)
        if seen := wanted.found_in(data):
            found.setdefault(name, set()).update(seen)
    return found, size


def everything(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield every file under the folders, each value of every database, and what is packed or signed in them."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                yield from opened(f"{folder.name}/{path.relative_to(folder)}", data)
                if data.startswith(_SQLITE):
                    for table, values in _rows(path):
                        yield from opened(f"{folder.name}/{path.relative_to(folder)}:{table}", values)


def opened(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield data, and all that is packed or signed in it."""
    yield name, data
    view = memoryview(data)
    for magic in (_ZSTD, _GZIP, *_ZLIB):
        at = data.find(magic)
        while at >= 0:
            if unpacked := _unpacked(view[at:]):
                yield name, unpacked
            at = data.find(magic, at + len(magic))
    if signed := b"\n".join(_decoded(part) for one in _SIGNED.findall(data) for part in one.split(b".")):
        yield name, signed


def _unpacked(data: bytes | memoryview) -> bytes:
    with suppress(zstandard.ZstdError, zlib.error):
        if data[:4] == _ZSTD:
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        return zlib.decompressobj(31 if data[:3] == _GZIP else 15).decompress(data, _MOST)
    return b""


def _decoded(part: bytes) -> bytes:
    with suppress(binascii.Error):
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    return b""


def _rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the values of each table, a thousand rows at a time, and what is packed in a value by itself."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        tables = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # a name of this very database
            while some := rows.fetchmany(1_000):
                yield table, b"\n".join(_plain(value) for row in some for value in row)


def _plain(value: object) -> bytes:
    """Return a value as bytes; one that is packed, unpacked."""
    if type(value) is not bytes:
        return str(value).encode()
    return _unpacked(value) or value


def plant(folder: Path, who: Person) -> list[str]:
    """Put somebody into `folder` once for each encoding and each way to keep it; return the names of what was made."""
    names = []
    for encoding, encode_as in ENCODINGS.items():
        text = f'{{"user": "{encode_as(who.mail)}"}}'.encode()
        inside = os.urandom(5_000) + text + os.urandom(5_000)
        made = {
            "plain.log": text,
            "packed.gz": _gzip(text),
            "packed.zst": zstandard.compress(inside),
            "inside.spool": b"\x1e12345678 " + zlib.compress(text),
            "receipt.jws": _jws(text),
        }
        for name, data in made.items():
            names.append(f"{encoding} {name}")
            (folder / names[-1]).write_bytes(data)
        names.append(f"{encoding} rows.db")
        with closing(sqlite3.connect(folder / names[-1])) as database, database:
            database.execute("CREATE TABLE body (id INTEGER PRIMARY KEY, data BLOB)")
            database.execute("INSERT INTO body (data) VALUES (?)", (zstandard.compress(inside),))
    return names


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


def _jws(data: bytes) -> bytes:
    parts = (b'{"alg":"EdDSA"}', b'{"x":' + data + b"}", os.urandom(64))
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
