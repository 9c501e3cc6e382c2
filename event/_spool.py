"""The writer of the spool: one append-only segment for each process, one record a message, one `os.write` a record.

A record is `0x1E`, the CRC-32 of the payload in eight hex digits, a space, the payload (JSON `[word, message]`), LF.
The leading 0x1E (RFC 7464) keeps a torn record from swallowing the next one. Once `append` has returned, the record
is in the kernel: killing the process loses nothing (a power failure can lose the last seconds: nothing is flushed
here).

Who may touch a segment. It is created exclusively, as `<pid>-<8 random hex>-<n>.spool`, mode 0640 in a folder that is
setgid, and locked with `flock` for as long as it is open for writing. A reader may read it at any time; it removes it
only while it holds that lock itself. Between creating and locking, a reader could have taken the empty file: so the
writer checks that the path still names it, and otherwise takes a new name.

Threads. There is no lock on the way of a record. A new segment is put on the *same descriptor number* with `dup2`: a
thread that is about to write reaches the old segment or the new one, never a file of the product's. The lock of the
old segment goes when the last write to it has ended, since it belongs to the open file, not to the number.

Fork. No fork happens while a segment is being opened; the child closes the inherited descriptor at once and opens a
segment of its own when it has something to write. Nothing here raises.
"""

import errno
import fcntl
import os
import secrets
import time
import weakref
from dataclasses import dataclass
from os import write
from pathlib import Path
from zlib import crc32

from event._counts import COUNTS_BYTES, SUFFIX, Counts
from event.errors import Reason

SEGMENT_SUFFIX = ".spool"
MAX_FRAME_BYTES = 16 * 1024  # the gate takes lines of at most this much (audit.gate.MAX_LINE_BYTES)
MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - len(b"\x1e00000000 \n")
RETRY_S = 1.0
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_NAMES_TO_TRY = 8
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the spool. `max_bytes` is for the whole folder: over it, messages are dropped and counted.

    Each process that is writing already may pass it by what is left of its segment, at most `segment_bytes`.
    """

    max_bytes: int = 256 * 1024 * 1024
    segment_bytes: int = 4 * 1024 * 1024
    segment_age_s: float = 60.0


class Writer:
    """Appends records to this process's segment in `folder`. `descriptor` is -1 while there is none."""

    def __init__(self, folder: Path, limits: Limits, counts: Counts) -> None:
        self._folder, self._limits, self._counts = folder, limits, counts
        self._left = -1
        self._series, self._number = secrets.token_hex(4), 0
        self._identity = (0, 0)
        self._born_s = 0.0
        self._retry_at_s = 0.0
        self._trouble: Reason | None = None
        self._pid = os.getpid()
        self.descriptor = -1
        _WRITERS.add(self)

    def __del__(self) -> None:
        # Only here is the number given back: every thread that could still write to it holds a reference to us.
        if self.descriptor >= 0 and _is(self.descriptor, self._identity):
            os.close(self.descriptor)

    def append(self, payload: bytes) -> Reason | None:
        """Write one record; return why it was not recorded, or None. A short write leaves a torn record behind."""
        record = b"\x1e%08x %b\n" % (crc32(payload), payload)
        size = len(record)
        if size > self._left and (trouble := self._open(size)):
            return trouble
        self._left -= size  # threads may lose an update: the segment then grows past its size by a few records
        try:
            written = write(self.descriptor, record)
        except OSError as fault:
            return self._failed(fault)
        return None if written == size else Reason.SHORT_WRITE

    def ready(self) -> Reason | None:
        """Open a segment if there is none, so that counts have a place to go."""
        return self._open(1) if self.descriptor < 0 else None

    def verify(self) -> None:
        """Give up the segment if it is old, was removed, or is not ours any more; the next record opens another.

        Costs one `fstat`. A program that closes every descriptor under us, then opens its own, is noticed here.
        """
        if self.descriptor < 0:
            return
        if self._pid != os.getpid():  # forked by something that does not run Python's hooks
            self.after_fork()
            return
        try:
            found = os.fstat(self.descriptor)
        except OSError:
            self._lost()
            return
        if (found.st_dev, found.st_ino) != self._identity:
            self._lost()
        elif not found.st_nlink or not 0 <= time.monotonic() - self._born_s < self._limits.segment_age_s:
            self._left = -1

    def after_fork(self) -> None:
        """In a child: close what was inherited, forget it, start anew."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0 and _is(descriptor, self._identity):
            os.close(descriptor)
        self._pid, self._left, self._trouble = os.getpid(), -1, None
        self._series, self._number = secrets.token_hex(4), 0
        self._counts.after_fork()

    def _lost(self) -> None:
        self.descriptor, self._left = -1, -1  # not closed: the number belongs to somebody else now

    def _failed(self, fault: OSError) -> Reason:
        if fault.errno == errno.EBADF:
            self._lost()
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            return Reason.DISK_FULL  # keep the segment: another would need even more room
        self._left = -1
        self._trouble = Reason.DISK_FULL if fault.errno in _NO_ROOM else Reason.SPOOL_UNUSABLE
        self._retry_at_s = self._born_s + RETRY_S  # so that a limit of nothing does not make a file for each record
        return self._trouble

    def _open(self, size: int) -> Reason | None:
        with self._counts.lock:
            if size <= self._left:
                return None  # another thread was faster
            if self._trouble and time.monotonic() < self._retry_at_s:
                return self._trouble
            try:
                self._trouble = self._next_segment()
            except OSError as fault:
                self._trouble = Reason.DISK_FULL if fault.errno in _NO_ROOM else Reason.SPOOL_UNUSABLE
            self._retry_at_s = time.monotonic() + RETRY_S
            return self._trouble

    def _next_segment(self) -> Reason | None:
        if _used(self._folder) + COUNTS_BYTES >= self._limits.max_bytes:
            return Reason.SPOOL_FULL
        for _ in range(_NAMES_TO_TRY):
            self._number += 1
            path = self._folder / f"{self._pid}-{self._series}-{self._number}{SEGMENT_SUFFIX}"
            try:
                descriptor = os.open(path, _FLAGS, 0o640)
            except FileExistsError:
                continue  # made by us, too, where a signal interrupts the call after the file was made
            if _taken(descriptor, path):
                self._adopt(descriptor, path)
                return None
            os.close(descriptor)
        return Reason.SPOOL_UNUSABLE

    def _adopt(self, descriptor: int, path: Path) -> None:
        found = os.fstat(descriptor)
        self._identity, self._born_s = (found.st_dev, found.st_ino), time.monotonic()
        self._counts.attach(path)
        if self.descriptor < 0:
            self.descriptor = descriptor
        else:
            os.dup2(descriptor, self.descriptor, inheritable=False)
            os.close(descriptor)
        self._left = self._limits.segment_bytes


def _taken(descriptor: int, path: Path) -> bool:
    """Lock the new file and make sure that it is still there; False when a reader took it first."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(descriptor, 0o640)
        found = os.stat(path, follow_symlinks=False)
    except (BlockingIOError, FileNotFoundError):
        return False
    return _is(descriptor, (found.st_dev, found.st_ino))


def _is(descriptor: int, identity: tuple[int, int]) -> bool:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == identity


def _used(folder: Path) -> int:
    """Return the bytes of all segments and counts in the folder; files may vanish meanwhile."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith((SEGMENT_SUFFIX, SUFFIX)):
                continue
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
    return total


_WRITERS: "weakref.WeakSet[Writer]" = weakref.WeakSet()
_HELD: list[Counts] = []


def _before_fork() -> None:
    for writer in list(_WRITERS):
        writer._counts.lock.acquire()
        _HELD.append(writer._counts)


def _after_in_parent() -> None:
    while _HELD:
        _HELD.pop().lock.release()


def _after_in_child() -> None:
    _HELD.clear()
    for writer in list(_WRITERS):
        writer.after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
