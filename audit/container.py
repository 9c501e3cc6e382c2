"""The one form of a file that is carried by hand: a ZIP whose entries are stored as they are (docs/formats/carried.md).

Any tool opens it, since it is an ordinary ZIP. What the entries say is `audit.carried`'s matter; files and folders are
left to others: bytes in, bytes out.

Rules:
  - For given entries there is exactly one file. `read` takes the entries out, writes them again and compares, so
    nothing fits between, before or behind them: no compression, comment, time, second directory or hidden entry.
  - Names are plain words with dots, so that unpacking cannot write elsewhere.
  - Nothing is unpacked, so nothing can grow: a file is at most MAX_BYTES, and its entries are not more than it.
"""

import re
import struct
from binascii import crc32
from collections.abc import Iterable
from dataclasses import dataclass

from audit.errors import CarriedRefused

MAX_BYTES = 32 * 1024 * 1024
MAX_ENTRIES = 1000

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+\Z")
_MAX_NAME = 100
_VERSION = 20
_FROM_UNIX = 3 << 8 | _VERSION  # so that unpacked files are readable and not executable, as _MODE says
_MODE = 0o100644 << 16
_FIRST_DAY = 1 << 5 | 1  # 1 January 1980, the first day that a ZIP can name: entries have no time of their own
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its name and its exact bytes."""

    name: str
    data: bytes


def write(entries: Iterable[Entry]) -> bytes:
    """Return the one file that holds `entries` in this order.

    Raises ValueError for a name that may not be, a name twice, too many entries, or a file over MAX_BYTES.
    """
    parts: list[bytes] = []
    directory: list[bytes] = []
    names: set[str] = set()
    start = 0
    for entry in entries:
        name = _checked(entry.name, names).encode("ascii")
        size = len(entry.data)
        common = (0, 0, 0, _FIRST_DAY, crc32(entry.data), size, size, len(name), 0)
        directory.append(_CENTRAL.pack(_CENTRAL_MARK, _FROM_UNIX, _VERSION, *common, 0, 0, 0, _MODE, start) + name)
        parts += (_LOCAL.pack(_LOCAL_MARK, _VERSION, *common), name, entry.data)
        start += _LOCAL.size + len(name) + size
    if len(names) > MAX_ENTRIES:
        raise ValueError(f"a file carries at most {MAX_ENTRIES} entries")
    listed = b"".join(directory)
    whole = b"".join((*parts, listed, _END.pack(_END_MARK, 0, 0, len(names), len(names), len(listed), start, 0)))
    if len(whole) > MAX_BYTES:
        raise ValueError(f"a file has at most {MAX_BYTES} bytes")
    return whole


def read(data: bytes) -> tuple[Entry, ...]:
    """Return the entries of a file in their order.

    Raises CarriedRefused: "file-too-large", "file-cut" where it ends too early, "file-malformed" for any other form.
    """
    if len(data) > MAX_BYTES:
        raise CarriedRefused("file-too-large", f"the file has more than {MAX_BYTES} bytes", "carry out fewer batches")
    entries = tuple(_entries(data))
    try:
        same = bool(entries) and write(entries) == data
    except ValueError:
        same = False
    if not same:
        raise _malformed()
    return entries


def _entries(data: bytes) -> Iterable[Entry]:
    start, found = 0, 0
    while data[start : start + 4] == _LOCAL_MARK:
        found += 1
        if found > MAX_ENTRIES:
            raise _malformed()
        body = start + _LOCAL.size
        if body > len(data):
            raise _cut()
        _, _, _, method, _, _, _, packed, size, name_size, more = _LOCAL.unpack_from(data, start)
        if method or more or packed != size or name_size > _MAX_NAME:
            raise _malformed()
        end = body + name_size + size
        if end > len(data):
            raise _cut()
        yield Entry(data[body : body + name_size].decode("latin-1"), data[body + name_size : end])
        start = end
    end = data.find(_END_MARK, start)
    if found and (end < 0 or end + _END.size > len(data)):
        raise _cut()


def _checked(name: str, names: set[str]) -> str:
    if len(name) > _MAX_NAME or not _NAME.match(name) or name in names:
        raise ValueError(f"{name!r} cannot be the name of an entry")
    names.add(name)
    return name


def _cut() -> CarriedRefused:
    return CarriedRefused("file-cut", "the file ends before its end", "copy it again, whole, from where it was written")


def _malformed() -> CarriedRefused:
    hint = "take the very file that 'carry out' or corporate wrote; do not unpack it and pack it again"
    return CarriedRefused("file-malformed", "the file is not in the one form of files carried by hand", hint)
