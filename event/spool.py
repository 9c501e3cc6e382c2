"""The reader of the spool, for the installation's intake: frames out of bytes, and segments out of a folder.

`frames` is pure and loses nothing: what it yields tiles the data without a hole, so that whatever is damaged is
reported with its position and size while the rest goes on. Segments may be read at any time; whether the last,
unfinished bytes are torn or only not written yet is known when the writer's lock is free, which `claim` finds out.

Products write here as other users, so nothing in the folder is trusted: no link is followed, only regular files are
opened, and a name that no writer gives is passed over, since names go on into a database, and not all bytes do. What a
message holds is checked by the gate, not here.
"""

import fcntl
import os
import re
import stat
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from event._counts import COUNTS_BYTES, SLOT_BYTES, SUFFIX
from event._spool import MAX_FRAME_BYTES, SEGMENT_SUFFIX

_START, _END = 0x1E, b"\n"
_HEAD_BYTES = 10  # 0x1E, eight hex digits, a space
MAX_COUNT = 2**53 - 1  # a greater one is damage, and no database takes it
_NAME = re.compile(r"[0-9]{1,10}-[0-9a-f]{8}-[0-9]{1,17}\Z")
_SLOT = struct.Struct("<QB")
_decode = msgspec.json.decode


class Frame(NamedTuple):
    """One whole record, at data[start:end]. `payload` is its JSON `[word, message]`, byte for byte.

    A tuple, since there is one for each message: a frozen dataclass costs a microsecond more.
    """

    start: int
    end: int
    word: int
    message: dict[str, Any]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record, at data[start:end].

    `reason`: `torn` (it ends before its LF), `checksum`, `malformed` (checksum right, content not a message), or
    `noise` (it does not begin as a record does).
    """

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the spool. `name` is its stem, never used twice."""

    path: Path
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True, order=True)
class Dropped:
    """What was dropped: the reason, the kind, and the key; `<undeclared>` for names outside the catalogue."""

    reason: str
    kind: str
    key: str


def frames(data: bytes, final: bool) -> Iterator[Frame | Damage]:
    """Yield every record and every damaged stretch of `data`, in order, without a hole between them.

    With `final` false, an unfinished tail is left for later: reading goes on at the `end` of what came last. Say
    `final` only for data that reaches the end of a segment whose Claim is held.
    """
    position, size = 0, len(data)
    while position < size:
        following = data.find(b"\x1e", position + 1)
        stop = size if following < 0 else following
        if data[position] != _START:
            if following < 0 and not final and size - position <= MAX_FRAME_BYTES:
                return
            yield Damage(position, stop, "noise")
            position = stop
            continue
        end = data.find(_END, position, stop) + 1
        if not end:
            if following < 0 and not final and size - position <= MAX_FRAME_BYTES:
                return
            yield Damage(position, stop, "torn")
            position = stop
            continue
        yield _record(data, position, end)
        position = end


def _record(data: bytes, start: int, end: int) -> Frame | Damage:
    payload = data[start + _HEAD_BYTES : end - 1]
    if data[start + 1 : start + _HEAD_BYTES] != b"%08x " % crc32(payload):
        return Damage(start, end, "checksum")
    try:
        word, message = _decode(payload)
    except (ValueError, TypeError, RecursionError):  # msgspec's errors are ValueErrors
        return Damage(start, end, "malformed")
    if type(word) is not int or not 0 <= word < 2**32 or type(message) is not dict:
        return Damage(start, end, "malformed")
    if type(message.get("kind")) is not str:
        return Damage(start, end, "malformed")
    return Frame(start, end, word, message, payload)


def segments(folder: Path) -> tuple[Segment, ...]:
    """Return the segments in a folder; those of one process in the order they were written. Raises OSError."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(SEGMENT_SUFFIX) or not _NAME.match(entry.name.removesuffix(SEGMENT_SUFFIX)):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                path = Path(entry.path)
                found.append(Segment(path, path.stem, status.st_size))
    return tuple(sorted(found, key=lambda segment: _order(segment.name)))


def _order(name: str) -> tuple[str, int, str]:
    process, _, number = name.rpartition("-")
    return process, int(number), name


def read(path: Path, offset: int = 0, limit: int = 4 * 1024 * 1024) -> bytes:
    """Return at most `limit` bytes of a segment from `offset`. Raises OSError."""
    descriptor = _open(path)
    try:
        return os.pread(descriptor, limit, offset)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path.name!r} in the spool is no regular file")
    return descriptor


@dataclass(frozen=True, slots=True)
class Claim:
    """Holds a segment that no process writes any more: what is in it now is all there will ever be."""

    path: Path

    def remove(self) -> None:
        """Remove the segment and its counts; call it when both are durable elsewhere. Raises OSError."""
        self.path.with_suffix(SUFFIX).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


@contextmanager
def claim(path: Path) -> Iterator[Claim | None]:
    """Hold a segment's lock for the block; None while its writer, or another reader, holds it, and when it is gone."""
    try:
        descriptor = _open(path)
    except FileNotFoundError:
        yield None
        return
    try:
        yield Claim(path) if _lock(descriptor, path) else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    """Lock, then make sure that the path still names what was locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named = os.stat(path, follow_symlinks=False)
    except (BlockingIOError, FileNotFoundError):
        return False
    ours = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


def counts(folder: Path) -> Mapping[str, Mapping[Dropped, int]]:
    """Return segment name → what its process dropped while writing it. Numbers only rise, and end with the segment."""
    return {segment.name: counts_of(segment.path) for segment in segments(folder)}


def counts_of(path: Path) -> Mapping[Dropped, int]:
    """Return what was dropped while the segment at `path` was written; nothing where its counts cannot be read."""
    try:
        data = read(path.with_suffix(SUFFIX), 0, COUNTS_BYTES)
    except OSError:
        return {}
    found: dict[Dropped, int] = defaultdict(int)
    for start in range(0, len(data) - SLOT_BYTES + 1, SLOT_BYTES):
        count, length = _SLOT.unpack_from(data, start)
        if not 0 < count <= MAX_COUNT or length > SLOT_BYTES - _SLOT.size:
            continue
        text = data[start + _SLOT.size : start + _SLOT.size + length].decode("utf-8", "replace")
        parts = text.split("|")
        if len(parts) == 3 and text.isprintable():  # a damaged file may hold what no database takes as text
            found[Dropped(*parts)] += count
    return dict(found)
